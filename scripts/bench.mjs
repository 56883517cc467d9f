import { install, run } from './lib/setup.mjs';

/** `npm run bench [-- --group NAME] [--json FILE]`: every package's benchmarks, each beside a named peer. */
install();
const args = ['--conditions=@emu-ts/source', '--import', 'tsx', 'scripts/bench.ts', ...process.argv.slice(2)];
process.exit(run(process.execPath, args, { must: false }));
