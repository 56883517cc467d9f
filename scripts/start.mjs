import path from 'node:path';
import { build, install, root, run } from './lib/setup.mjs';

/**
 * `npm start`: installs, builds and runs the main job. Arguments go to the command line of the app:
 * `npm start -- caption picture.jpg`.
 */
install();
build('@emu-ts/emu');
const words = process.argv.slice(2);
const fixture = path.join(root, 'fixtures', 'goldens', 'checkpoint');
const demo = [
  'demo',
  '--checkpoint',
  fixture,
  '--picture',
  path.join(root, 'fixtures', 'goldens', 'images', '0.png'),
  '--no-safety',
  '--note',
  'This checkpoint is tiny and its weights are RANDOM: it shows that everything runs; its words and pictures mean nothing.',
];
const emu = path.join(root, 'apps', 'emu', 'dist', 'cli.js');
const env = { EMU_CHECKPOINT: process.env.EMU_CHECKPOINT ?? fixture };
process.exit(run(process.execPath, [emu, ...(words.length ? words : demo)], { must: false, env }));
