import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { root } from './lib/setup.mjs';

/**
 * `node scripts/gpu-box.mjs FOLDER`: everything that a Linux machine with a graphics card and nothing else needs to test
 * and measure the WebGPU executor: Node itself, Dawn, ONNX Runtime, the packages and the golden files. There,
 * `FOLDER/run.sh` does both, prints what share of the card's peak was reached and writes `docs/benchmarks/<adapter>.json`.
 */
const [target] = process.argv.slice(2);
if (!target) {
  console.error('Usage: node scripts/gpu-box.mjs FOLDER');
  process.exit(2);
}
const out = path.resolve(target);
if (existsSync(out) && readdirSync(out).length) {
  console.error(`${out} is not empty.`);
  process.exit(2);
}

/** What runs tests and benchmarks there, beside what the packages themselves depend on. */
const tools = ['vitest', 'tsx', 'webgpu', 'onnxruntime-node', 'sharp'];
/** What packages name and a graphics card makes needless: browsers, drivers in software. */
const needless = new Set([
  '@sparticuz/chromium',
  'playwright-core',
  'gpu.js',
  'onnxruntime-web',
  'typescript',
]);
/** Binaries for other machines. */
const foreign = /(^|[/-])(darwin|win32|android|freebsd|linux-arm64|linuxmusl|musl|linux\/arm64)([/-]|$)/;

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const workspaces = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group))
    .map((name) => path.join(group, name))
    .filter((folder) => existsSync(path.join(root, folder, 'package.json'))),
);

/** A package as seen from a folder: in its own node_modules, or in one above. */
function find(name, from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const place = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(place, 'package.json'))) return place;
    if (folder === root || folder === path.dirname(folder)) return undefined;
  }
}

const copied = new Set();
function take(name, from) {
  if (needless.has(name) || name.startsWith('@emu-ts/') || foreign.test(name)) return;
  const place = find(name, from);
  if (!place || copied.has(place)) return;
  copied.add(place);
  cpSync(realpathSync(place), path.join(out, path.relative(root, place)), {
    recursive: true,
    filter: (file) => {
      const inside = path.relative(realpathSync(place), file);
      return (
        !foreign.test(inside) && !inside.split(path.sep).includes('node_modules') && !inside.endsWith('.map')
      );
    },
  });
  const { dependencies, optionalDependencies, peerDependencies } = json(path.join(place, 'package.json'));
  for (const needed of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
    take(needed, place);
}

mkdirSync(out, { recursive: true });
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
})
  .toString()
  .split('\0')
  .filter((file) => file && lstatSync(path.join(root, file), { throwIfNoEntry: false })?.isFile());
for (const file of tracked) {
  // Other benchmarks stand beside peers that are not taken along.
  if (/^(docs|\.github|packages\/[^/]+\/bench)\//.test(file)) continue;
  mkdirSync(path.dirname(path.join(out, file)), { recursive: true });
  copyFileSync(path.join(root, file), path.join(out, file));
}
for (const name of tools) take(name, root);
mkdirSync(path.join(out, 'node_modules/@emu-ts'), { recursive: true });
for (const folder of workspaces) {
  const { name, dependencies } = json(path.join(root, folder, 'package.json'));
  for (const needed of Object.keys(dependencies ?? {})) take(needed, path.join(root, folder));
  symlinkSync(path.join('../..', folder), path.join(out, 'node_modules', name));
}
copyFileSync(process.execPath, path.join(out, 'node'));
chmodSync(path.join(out, 'node'), 0o755);
rmSync(path.join(out, 'package-lock.json'), { force: true });
writeFileSync(
  path.join(out, 'run.sh'),
  `#!/bin/sh
# Tests and measures the WebGPU executor here. Arguments go to scripts/gpu-box-run.mjs: --skip-tests, --group NAME.
cd "$(dirname "$0")" && exec ./node scripts/gpu-box-run.mjs "$@"
`,
);
chmodSync(path.join(out, 'run.sh'), 0o755);
console.log(
  `${tracked.length} files of this repository, ${copied.size} packages and Node ${process.version} are in ${out}.`,
);
console.log(`On the machine: ${path.basename(out)}/run.sh`);
