import { tensor } from '@emu-ts/base';
import { expect, it } from 'vitest';
import { pool, toRgb } from './images.js';

it('makes bytes of −1…1, interleaved, cut off and rounded halves to even', () => {
  const half = (level: number) => (level + 0.5) / 127.5 - 1;
  const planes = [
    [-1, 1], // red
    [-7, 7], // green
    [half(0), half(3)], // blue: 0.5 and 3.5
  ];
  const { width, height, data } = toRgb(tensor('f32', [1, 3, 1, 2], planes.flat()));
  expect([width, height]).toEqual([2, 1]);
  const [a, b] = [data[2], data[5]];
  expect([...data]).toEqual([0, 0, a, 255, 255, b]);
  expect([0, 1]).toContain(a);
  expect([3, 4]).toContain(b);
  expect([...toRgb(tensor('f32', [1, 3, 1, 1], [0, 0, 0])).data]).toEqual([128, 128, 128]); // 127.5
});

it('averages squares and drops what is left over', () => {
  const planes = Float32Array.from([1, 2, 9, 3, 4, 9, 9, 9, 9, 0, 0, 9, 0, 4, 9, 9, 9, 9]);
  expect(pool(planes, 3, 3, 2)).toEqual({ data: Float32Array.from([2.5, 1]), height: 1, width: 1 });
  expect(pool(planes, 3, 3, 1)).toEqual({ data: planes, height: 3, width: 3 });
});
