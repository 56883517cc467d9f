import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bin, install, run } from './lib/setup.mjs';

/**
 * `npm run goldens [-- --executor NAME]`: compares everything with the reference implementation's numbers, one line a
 * case. EMU_GOLDENS names another folder of goldens.
 */
const { values } = parseArgs({ options: { executor: { type: 'string' } } });
install();
const scratch = mkdtempSync(path.join(tmpdir(), 'emu-goldens-'));
const report = path.join(scratch, 'report.jsonl');
const env = { EMU_REPORT: report, ...(values.executor ? { EMU_EXECUTOR: values.executor } : {}) };
if (process.env.EMU_GOLDENS) env.EMU_GOLDENS = path.resolve(process.env.EMU_GOLDENS);
const code = run(bin('vitest'), ['run', '--project', 'golden', '--reporter=dot'], { must: false, env });
const tsx = ['--conditions=@emu-ts/source', '--import', 'tsx'];
const shown = existsSync(report)
  ? run(process.execPath, [...tsx, 'scripts/goldens-report.ts', report], { must: false, env })
  : 1;
rmSync(scratch, { recursive: true });
process.exit(code || shown);
