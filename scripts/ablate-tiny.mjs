import { install, run } from './lib/setup.mjs';

/** `npm run train:tiny [-- --dir FOLDER --only STAGE --threads N]`: the small model from nothing, resumably. */
install();
const args = [
  '--conditions=@emu-ts/source',
  '--import',
  'tsx',
  'scripts/ablate-tiny.ts',
  ...process.argv.slice(2),
];
process.exit(run(process.execPath, args, { must: false }));
