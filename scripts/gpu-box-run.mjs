import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * What `run.sh` of a folder made by `gpu-box.mjs` does: every kernel test and every golden on the card, then the
 * benchmarks, then the report. Tests that fail do not keep the benchmarks from running, and fail the whole at the end.
 */
const { values } = parseArgs({
  options: {
    'skip-tests': { type: 'boolean', default: false },
    group: { type: 'string', default: 'webgpu' },
  },
});
const root = fileURLToPath(new URL('../', import.meta.url));
const source = ['--conditions=@emu-ts/source', '--import', 'tsx', '--import', './scripts/lib/wgsl.mjs'];
const results = path.join(root, 'bench-results', 'gpu-box.json');
mkdirSync(path.dirname(results), { recursive: true });

let failed = 0;
function step(title, args, env = {}) {
  console.log(`\n── ${title}`);
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    failed++;
    console.error(`✗ ${title}`);
  }
}

const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--project'];
if (!values['skip-tests']) {
  step('Kernels', [...vitest, 'gpu']);
  step('Goldens', [...vitest, 'golden'], { EMU_EXECUTOR: 'webgpu' });
}
step('Benchmarks', [...source, 'scripts/bench.ts', '--group', values.group, '--json', results]);
step('Report', [...source, 'scripts/gpu-report.ts', results]);
process.exit(failed ? 1 : 0);
