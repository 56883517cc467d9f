import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  concat,
  defineOp,
  dims,
  expectShape,
  formatType,
  gather,
  mul,
  neg,
  reshape,
  split,
  sub,
  type Value,
} from '@emu-ts/graph';
import { expectFloat } from '../checks.js';

/**
 * Rotary position embedding (Su et al., 2021) in the half-split layout: element i is paired with element i + d/2.
 * x [b h t d], positions i32 [b t], and tables cos and sin [p d/2] with one row per position; y like x. The tables
 * are constants of the model: no gradient flows into them.
 */
export const ropeOp = defineOp({
  name: 'nn.rope',
  inputs: ['x', 'positions', 'cos', 'sin'],
  outputs: ['y'],
  infer({ x, positions, cos, sin }, _: Record<string, never>) {
    const { b, t, d } = dims(x, 'b h t d');
    expectFloat('nn.rope', 'x', x);
    expectShape('nn.rope', 'positions', positions, [b, t]);
    if (d % 2 !== 0)
      throw new ShapeError(`nn.rope: the head size of ${formatType(x)} is odd; pairs are rotated.`);
    for (const [operand, table] of Object.entries({ cos, sin }))
      expectShape('nn.rope', operand, table, [cos.shape[0], d / 2]);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose({ x, positions, cos, sin }) {
    const { b, t, d } = dims(x, 'b h t d');
    const [c, s] = [cos, sin].map((table) =>
      cast(reshape(gather(table, positions), [b, 1, t, d / 2]), x.dtype),
    );
    const [first, second] = split(x, 3, [d / 2, d / 2]);
    return { y: concat([sub(mul(first, c), mul(second, s)), add(mul(second, c), mul(first, s))], 3) };
  },
  // The transpose of a rotation is the rotation by the opposite angle.
  vjp: ({ inputs: { positions, cos, sin }, cotangents: { y: dy } }) =>
    dy ? { x: rotate(dy, positions, cos, neg(sin)) } : {},
});

const rotate = (x: Value, positions: Value, cos: Value, sin: Value): Value =>
  ropeOp({ x, positions, cos, sin }, {}).y;
