import { expect, it } from 'vitest';
import { duration, progressLine, terminalProgress } from './progress-line.js';

const pace = (update: number) => ({
  update,
  updates: 20_000,
  secondsPerUpdate: 0.41,
  record: { step: update, time: 0, loss: 2.15312, gradient_norm: 0.8449, 'rate.a': 1e-4, 'rate.b': 3e-4 },
});

it('tells step, loss, rate and time left in one line', () => {
  expect(progressLine(pace(1200))).toBe(
    ' 1200/20000    6 %  loss 2.153  rate 3.0e-4  |g| 0.845  0.41 s/step  2 h 08 min left',
  );
  expect(
    progressLine({ update: 1, updates: 10, secondsPerUpdate: 0, record: { step: 1, time: 0, loss: 1 } }),
  ).toBe(' 1/10   10 %  loss 1.000');
});

it('says durations as people do', () => {
  expect([4.4, 89, 100, 7100, 7260, 36_000].map(duration)).toEqual([
    '4 s',
    '89 s',
    '2 min',
    '118 min',
    '2 h 01 min',
    '10 h 00 min',
  ]);
});

it('rewrites one line on a terminal and writes a few lines into a pipe', () => {
  const written = (isTTY: boolean) => {
    const texts: string[] = [];
    const show = terminalProgress({ isTTY, columns: 40, write: (text) => texts.push(text) }, { every: 10 });
    for (let update = 1; update <= 20; update++) show(pace(update));
    return texts;
  };
  expect(written(true)).toHaveLength(20);
  expect(written(true)[0].startsWith('\r    1/20000')).toBe(true);
  expect(written(true)[0].endsWith('\u001b[K')).toBe(true);
  expect(written(true)[0]).toHaveLength(1 + 39 + 3);
  expect(written(false).map((line) => line.split('/')[0].trim())).toEqual(['10', '20']);
});
