import path from 'node:path';
import { build, install, root, run } from './lib/setup.mjs';

/**
 * `npm start`: installs, builds and runs the main job. Arguments go to the command line of the app:
 * `npm start -- caption picture.jpg`.
 */
install();
build();
const args = process.argv.slice(2);
const emu = path.join(root, 'apps', 'emu', 'dist', 'cli.js');
process.exit(run(process.execPath, [emu, ...(args.length ? args : ['demo'])], { must: false }));
