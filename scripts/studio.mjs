import path from 'node:path';
import { bin, install, root, run } from './lib/setup.mjs';

/** `npm run studio [-- --port N --open]`: the small model in a browser, built and served to this machine. */
install();
const studio = path.join(root, 'apps', 'studio');
run(bin('vite'), ['build', studio, '--logLevel', 'warn']);
process.exit(run(bin('vite'), ['preview', studio, ...process.argv.slice(2)], { must: false }));
