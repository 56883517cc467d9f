import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Difference, goldens, uncompared } from '@emu-ts/testing';

/**
 * Prints what golden tests compared, one line a case, and what the goldens hold that nothing was compared with. The exit
 * code is 1 when a case failed or was left out.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { brief: { type: 'boolean', default: false } },
});
const lines = readFileSync(positionals[0], 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as Difference)
  .sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
const failed = ({ absolute, tolerance }: Difference) => !(absolute <= tolerance);

const width = Math.max(...lines.map(({ label }) => label.length), 4);
const number = (x: number | null) => (x ?? Number.NaN).toExponential(1).padStart(9);
const heading = ['max abs', 'max rel', 'allowed'].map((title) => title.padStart(9)).join(' ');
if (!values.brief) console.log(`\n    ${'case'.padEnd(width)}  ${heading}`);
for (const line of lines.filter((line) => !values.brief || failed(line))) {
  const { label, absolute, relative, tolerance } = line;
  const numbers = [absolute, relative, tolerance].map(number).join(' ');
  console.log(`${failed(line) ? 'FAIL' : 'ok  '}${label.padEnd(width)}  ${numbers}`);
}
const left = await uncompared(
  await goldens(),
  lines.map(({ label }) => label),
);
for (const name of left) console.log(`NOT COMPARED ${name}`);
const bad = lines.filter(failed).length;
console.log(`\n${lines.length - bad} passed, ${bad} failed, ${left.length} not compared`);
process.exit(bad + left.length || !lines.length ? 1 : 0);
