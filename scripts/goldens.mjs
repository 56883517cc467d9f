import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

const lines = readLines(report).sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
rmSync(scratch, { recursive: true });
const width = Math.max(...lines.map(({ label }) => label.length), 4);
const number = (x) => x.toExponential(1).padStart(9);
console.log(
  `\n    ${'case'.padEnd(width)}  ${'max abs'.padStart(9)} ${'max rel'.padStart(9)} ${'allowed'.padStart(9)}`,
);
for (const { label, absolute, relative, tolerance } of lines) {
  const mark = absolute <= tolerance ? 'ok  ' : 'FAIL';
  console.log(`${mark}${label.padEnd(width)}  ${number(absolute)} ${number(relative)} ${number(tolerance)}`);
}
const bad = lines.filter(({ absolute, tolerance }) => !(absolute <= tolerance)).length;
console.log(`\n${lines.length - bad} passed, ${bad} failed`);
process.exit(code || (bad ? 1 : 0));

function readLines(file) {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
