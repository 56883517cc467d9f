import { readFile } from 'node:fs/promises';

/** The hook that `wgsl.mjs` registers: it runs on Node's loader thread. */
export async function load(url, context, nextLoad) {
  if (!new URL(url).pathname.endsWith('.wgsl')) return nextLoad(url, context);
  const source = `export default ${JSON.stringify(await readFile(new URL(url), 'utf8'))};`;
  return { format: 'module', source, shortCircuit: true };
}
