import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bin, build, install, run } from './lib/setup.mjs';

/** `npm test`: installs, then runs every check and every test, and closes with one line of counts. */
install();
let failed = 0;
const step = (title, action) => {
  console.log(`\n── ${title}`);
  const start = performance.now();
  const right = action() === 0;
  if (!right) failed++;
  console.log(`${right ? '✓' : '✗'} ${title} (${Math.round((performance.now() - start) / 1000)} s)`);
};
const scratch = mkdtempSync(path.join(tmpdir(), 'emu-test-'));
const results = path.join(scratch, 'vitest.json');

step('Lint and format', () => run(bin('biome'), ['ci', '--error-on-warnings'], { must: false }));
build();
// One program for all packages: 25 of them would read the same declarations 25 times. The studio has those of a page.
step(
  'Types',
  () => run(bin('tsc'), [], { must: false }) || run(bin('tsc'), ['-p', 'apps/studio'], { must: false }),
);
step('Unused files, exports and dependencies', () => run(bin('knip'), [], { must: false }));
step('Publishable packages', () => run(process.execPath, ['scripts/publishable.mjs'], { must: false }));
step('Tests', () =>
  run(bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`], {
    must: false,
  }),
);

// The same golden tests on a model of other sizes: nothing may fit one only.
step('Another model', () => run(process.execPath, ['scripts/sizes.mjs', 'compact'], { must: false }));

// What a page runs is what Node runs: whole components, on the WebGPU of a browser.
const components = [
  'visual-encoder',
  'causal-transformer',
  'language-model/src/llama',
  'diffusion-decoder/src/unet',
];
step('Goldens in a browser', () => {
  if (process.env.EMU_SKIP_BROWSER === '1') return 0;
  const files = components.map((name) => `packages/${name}`);
  const env = { EMU_EXECUTOR: 'webgpu-browser' };
  return run(bin('vitest'), ['run', '--project', 'golden', '--reporter=dot', ...files], { must: false, env });
});

const counts = JSON.parse(readFileSync(results, 'utf8'));
rmSync(scratch, { recursive: true });
console.log(
  `\n${counts.numPassedTests} passed, ${counts.numFailedTests + failed} failed, ${counts.numPendingTests} skipped`,
);
process.exit(failed ? 1 : 0);
