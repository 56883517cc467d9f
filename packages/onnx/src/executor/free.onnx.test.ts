import { tensor } from '@emu-ts/base';
import { add, graphOf, input, matmul, mul, tensorType } from '@emu-ts/graph';
import { Tensor } from 'onnxruntime-common';
import { expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import { free } from './free.js';

const size = 160; // 100 KiB each
const type = tensorType('f32', [size, size]);
const square = () => tensor('f32', [size, size], new Float32Array(size * size).fill(1));

it('gives back large arrays, and those alone of which nothing else is part', () => {
  const large = new Float32Array(2 ** 15);
  const small = new Float32Array(8);
  const shared = new Float32Array(2 ** 16);
  const part = shared.subarray(0, 2 ** 15);
  free([large, small, part].map((data) => new Tensor('float32', data, [data.length])));
  expect([large, small, part].map(({ length }) => length)).toEqual([0, 8, 2 ** 15]);
});

it('does so with state that a run consumed, not with weights of a program', async () => {
  await using executor = await create();
  const [state, x] = [input('state', type), input('x', type)];
  const grown = graphOf({ state: add(state, x), product: matmul(mul(state, 0.5), input('w', type)) });
  const w = await executor.upload(square());
  await using program = await executor.compile(grown, { weights: { w }, donate: { state: 'state' } });
  w.dispose();
  let current = await executor.upload(square());
  for (let step = 1; step <= 3; step++) {
    const given = await executor.upload(square());
    const { state: next, product } = await program.run({ state: current, x: given });
    given.dispose();
    expect((await next.read()).data[7]).toBe(step + 1);
    expect((await product.read()).data[7]).toBe((step * size) / 2);
    product.dispose();
    current = next;
  }
  expect(await executor.holdings()).toMatchObject({ tensors: 1 });
  current.dispose();
});
