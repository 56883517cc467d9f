import { type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import { ropeOp } from './op.js';

/**
 * cos and sin of position · base^(−2i/d), each f32 [positions d/2]. Frequencies and angles are rounded to f32 step by
 * step, as models trained in PyTorch saw them.
 */
export function ropeTable(
  positions: number,
  headDim: number,
  base = 10000,
): { cos: HostTensor<'f32'>; sin: HostTensor<'f32'> } {
  if (headDim % 2 !== 0) throw new ShapeError(`A rotary table needs an even head size, got ${headDim}.`);
  const half = headDim / 2;
  const frequencies = Float32Array.from(
    { length: half },
    (_, i) => 1 / Math.fround(base ** Math.fround((2 * i) / headDim)),
  );
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(p * frequencies[i]);
      cos[p * half + i] = Math.cos(angle);
      sin[p * half + i] = Math.sin(angle);
    }
  }
  return { cos: tensor('f32', [positions, half], cos), sin: tensor('f32', [positions, half], sin) };
}

/** The tables as values: `constant` of a short one, an `input` of a long one. */
export interface RopeTables {
  readonly cos: Value;
  readonly sin: Value;
}

/** Rotates x [b h t d] to `positions` i32 [b t]; every position is a row of the tables [p d/2]. */
export const rope = (x: Value, positions: Value, { cos, sin }: RopeTables): Value =>
  ropeOp({ x, positions, cos, sin }, {}).y;
