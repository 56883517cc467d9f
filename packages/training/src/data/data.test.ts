import { tensor, toF64 } from '@emu-ts/base';
import type { SequenceFormat } from '@emu-ts/contracts';
import { expect, it } from 'vitest';
import { indexedData } from './indexed.js';
import { trainingRow } from './row.js';
import { drawSampled } from './sampled.js';

it('lays a sequence out with its targets', () => {
  const asked: unknown[] = [];
  const format: SequenceFormat = {
    queries: 2,
    render: () => '',
    encode: (sequence, options) => {
      asked.push(options);
      const images = sequence.flatMap((element) => (element.type === 'image' ? [element.image] : []));
      return { ids: [1, 9, 11, 11, 10, 4, 2], imageSlots: [2], images, text: '' };
    },
    targets: (ids, options) => {
      asked.push(options);
      return {
        labels: Int32Array.from(ids),
        regressionInputs: Int32Array.of(1),
        regressionLabels: Int32Array.of(2),
      };
    },
  };
  const picture = tensor('f32', [3, 1, 1]);
  const row = trainingRow(
    format,
    [
      { type: 'image', image: picture },
      { type: 'text', text: 'a' },
    ],
    {
      answersOnly: true,
      contextLength: 16,
    },
  );
  expect(row.images).toEqual([picture]);
  expect([...row.targets.labels]).toEqual(row.ids);
  expect(asked).toMatchObject([{ eos: true, contextLength: 16 }, { answersOnly: true }]);
});

it('goes on at any position', async () => {
  const data = indexedData({ batch: (i) => ({ x: tensor('f32', [1], [i]) }), count: 5 });
  const from = async (position?: number) => {
    const seen: number[] = [];
    for await (const batch of data.open(position, {})) {
      expect(batch.position).toBe((batch.tensors.x.data[0] as number) + 1);
      seen.push(Number(batch.tensors.x.data[0]));
    }
    return seen;
  };
  expect(await from()).toEqual([0, 1, 2, 3, 4]);
  expect(await from(3)).toEqual([3, 4]);
  await expect(async () => {
    for await (const _ of data.open(undefined, { signal: AbortSignal.abort() })) expect.fail();
  }).rejects.toMatchObject({ name: 'AbortError' });
});

it('draws the share of embeddings that is asked for, another set for every batch', () => {
  const draw = (rate: number, index: number) => [
    ...toF64(drawSampled({ shape: [50, 8], rate, seed: 1, index })),
  ];
  expect(draw(0, 0).every((x) => x === 0)).toBe(true);
  expect(draw(1, 0).every((x) => x === 1)).toBe(true);
  const share = draw(0.25, 0).reduce((a, b) => a + b) / 400;
  expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 400));
  expect(draw(0.25, 0)).toEqual(draw(0.25, 0));
  expect(draw(0.25, 0)).not.toEqual(draw(0.25, 1));
});
