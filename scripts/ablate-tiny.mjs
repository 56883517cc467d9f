import { install, run } from './lib/setup.mjs';

/** `npm run ablate:tiny [-- --eyes FOLDER --read N]`: what parts of the recipe of the small model are for. */
install();
const args = [
  '--conditions=@emu-ts/source',
  '--import',
  'tsx',
  'scripts/ablate-tiny.ts',
  ...process.argv.slice(2),
];
process.exit(run(process.execPath, args, { must: false }));
