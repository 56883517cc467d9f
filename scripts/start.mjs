import path from 'node:path';
import { build, install, root, run } from './lib/setup.mjs';

/**
 * `npm start`: installs, builds and lets the small model show everything it can. Arguments go to the command line of the app:
 * `npm start -- caption picture.jpg`.
 */
install();
build('@emu-ts/emu');
const words = process.argv.slice(2);
const emu = path.join(root, 'apps', 'emu', 'dist', 'cli.js');
process.exit(run(process.execPath, [emu, ...(words.length ? words : ['demo'])], { must: false }));
