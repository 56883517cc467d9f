import { install, run } from './lib/setup.mjs';

/** `npm run bench [-- --group NAME] [--json FILE]`: every package's benchmarks, each beside a named peer. */
install();
const loaders = ['--import', 'tsx', '--import', './scripts/lib/wgsl.mjs'];
const args = ['--conditions=@emu-ts/source', ...loaders, 'scripts/bench.ts', ...process.argv.slice(2)];
process.exit(run(process.execPath, args, { must: false }));
