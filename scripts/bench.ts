import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Bench } from '@emu-ts/testing';

/**
 * Runs the benchmarks that packages list in `bench/*.ts`. A value means little on its own on a noisy machine; the ratio
 * to the peer measured beside it in the same process is what counts. One that fails says why, and the others go on.
 */
const root = fileURLToPath(new URL('../', import.meta.url));
const { values } = parseArgs({
  options: { group: { type: 'string' }, json: { type: 'string', default: 'bench-results/latest.json' } },
});

const files = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group)).flatMap((name) => list(path.join(root, group, name, 'bench'))),
);

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

interface BenchModule {
  readonly benches?: readonly Bench[];
  /** Lets go of what its benchmarks share. */
  readonly close?: () => Promise<void>;
}

const results: object[] = [];
for (const file of files) {
  const { benches = [], close } = (await import(pathToFileURL(file).href)) as BenchModule;
  for (const bench of benches) if (!values.group || bench.name.startsWith(values.group)) await measure(bench);
  await close?.();
}

async function measure({ name, unit, run }: Bench): Promise<void> {
  process.stdout.write(name.padEnd(48)); // before it runs: some take minutes
  try {
    const { value, baseline, detail } = await run();
    const ratio = baseline ? value / baseline.value : undefined;
    const beside = baseline ? `  ${ratio?.toFixed(3)} × ${baseline.name} (${format(baseline.value)})` : '';
    console.log(` ${format(value)} ${unit}${beside}`);
    if (detail) console.log(`  ${describe(detail)}`);
    results.push({ name, unit, value, baseline, ratio, ...detail });
  } catch (error) {
    console.log(` failed: ${error instanceof Error ? error.stack : error}`);
    results.push({ name, unit, error: String(error) });
    process.exitCode = 1;
  }
}

function describe(detail: Readonly<Record<string, number | string>>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? format(value) : value}`)
    .join(', ');
}

function format(value: number): string {
  return value >= 1e7 ? value.toExponential(2) : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

const out = path.resolve(root, values.json);
mkdirSync(path.dirname(out), { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
writeFileSync(out, `${JSON.stringify({ machine, results }, null, 2)}\n`);
console.log(`\nWritten to ${path.relative(process.cwd(), out)}`);
