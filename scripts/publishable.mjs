import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { bin, root } from './lib/setup.mjs';

/** Packs every public package and lets publint and arethetypeswrong look at what would be published. */
const folders = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group)).map((name) => path.join(root, group, name)),
);
let failed = 0;

/** What a tool says against a package; nothing when it has no complaint. */
const complaint = (tool, args) =>
  new Promise((resolve) => {
    const shell = process.platform === 'win32';
    execFile(bin(tool), args, { cwd: root, shell }, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}` || error.message : ''),
    );
  });

async function look(folder) {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (manifest.private) return;
  const checks = [
    ['publint', ['--strict', folder]],
    ['attw', ['--pack', folder, '--profile', 'esm-only', '--quiet']],
  ];
  for (const [tool, args] of checks) {
    const said = await complaint(tool, args);
    if (!said) continue;
    failed++;
    console.error(`${tool} ${manifest.name}\n${said}`);
  }
}

const waiting = [...folders];
const work = async () => {
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) await look(folder);
};
await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(failed ? `${failed} complaints` : `${folders.length} packages looked at`);
process.exit(failed ? 1 : 0);
