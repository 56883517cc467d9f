import { random, tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import type { NextBeamsAttrs } from './op.js';

/** Continuations in order, every `endEvery`th by an end token, and a table whose rows have swapped their pasts before. */
function one(
  name: string,
  {
    prompts,
    n,
    length,
    endEvery,
    ...attrs
  }: NextBeamsAttrs & {
    readonly prompts: number;
    readonly n: number;
    readonly length: number;
    readonly endEvery: number;
  },
): OpCase {
  const { beams, v, ends } = attrs;
  const count = (1 + Math.max(1, ends.length)) * beams;
  const drawn = random(7, v).uniform(prompts * count);
  const places = Array.from(drawn, (x, i) => {
    const beam = Math.floor(x * beams);
    const token = ends.length && i % endEvery === 0 ? ends[i % ends.length] : 5 + ((i * 3) % (v - 5));
    return beam * v + token;
  });
  const scores = Array.from(drawn, (x, i) => (i % 11 === 9 ? -3e38 : -x - (i % count)));
  const rows = prompts * beams;
  const table = Array.from({ length: rows * n }, (_, i) => {
    const row = Math.floor(i / n);
    return row - (row % beams) + ((row + i) % beams);
  });
  const given = {
    score: tensor('f32', [prompts, count], scores),
    place: tensor('i32', [prompts, count], places),
    rows: tensor('i32', [rows, n], table),
    length: tensor('i32', [], [length]),
  };
  const inputs = Object.fromEntries(
    Object.entries(given).map(([key, { dtype, shape }]) => [key, tensorType(dtype, shape)]),
  );
  return { name, inputs, given, attrs };
}

const floor = -1e30;

export const cases: readonly OpCase[] = [
  one('two beams, no end', { prompts: 1, beams: 2, v: 9, n: 12, length: 5, ends: [], floor, endEvery: 1 }),
  one('three prompts of four beams', {
    prompts: 3,
    beams: 4,
    v: 17,
    n: 70,
    length: 66,
    ends: [2],
    floor,
    endEvery: 3,
  }),
  one('five beams, two ends', {
    prompts: 2,
    beams: 5,
    v: 32006,
    n: 96,
    length: 0,
    ends: [2, 4],
    floor,
    endEvery: 2,
  }),
];
