import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bin, root } from './lib/setup.mjs';

/** Packs every public package and lets publint and arethetypeswrong look at what would be published. */
const folders = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group)).map((name) => path.join(root, group, name)),
);
let failed = 0;
for (const folder of folders) {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (manifest.private) continue;
  const checks = [
    ['publint', ['--strict', folder]],
    ['attw', ['--pack', folder, '--profile', 'esm-only', '--quiet']],
  ];
  for (const [tool, args] of checks) {
    const { status, stdout, stderr } = spawnSync(bin(tool), args, { cwd: root, encoding: 'utf8' });
    if (status === 0) continue;
    failed++;
    console.error(`${tool} ${manifest.name}\n${stdout}${stderr}`);
  }
}
console.log(failed ? `${failed} complaints` : `${folders.length} packages looked at`);
process.exit(failed ? 1 : 0);
