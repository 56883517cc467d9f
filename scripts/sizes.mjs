import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bin, install, run } from './lib/setup.mjs';

/**
 * Runs the golden tests on models of other sizes, made and computed by this project itself: what fails here fits one
 * model only. `npm run sizes [-- NAME …]`; EMU_EXECUTOR chooses executors, ONNX Runtime by default.
 */
install();
const names = process.argv.slice(2);
const scratch = mkdtempSync(path.join(tmpdir(), 'emu-sizes-'));
const tsx = ['--conditions=@emu-ts/source', '--import', 'tsx'];
let failed = 0;
for (const name of names.length ? names : ['odd', 'bf16', 'compact']) {
  const folder = path.join(scratch, name);
  const report = path.join(scratch, `${name}.jsonl`);
  const env = { EMU_EXECUTOR: process.env.EMU_EXECUTOR || 'onnx', EMU_GOLDENS: folder, EMU_REPORT: report };
  const steps = [
    [process.execPath, [...tsx, 'scripts/make-goldens.ts', name, folder]],
    [bin('vitest'), ['run', '--project', 'golden', '--reporter=dot']],
    [process.execPath, [...tsx, 'scripts/goldens-report.ts', report, '--brief']],
  ];
  for (const [command, args] of steps) failed |= run(command, args, { must: false, env });
}
rmSync(scratch, { recursive: true });
process.exit(failed);
