import { isFloat, ShapeError } from '@emu-ts/base';
import { cast, defineOp, equal, formatType, reshape, size, slice, type Value, where } from '@emu-ts/graph';

/**
 * The same tensor, but not before `after` has been computed: what is built on it stays a computation of its own instead
 * of being merged with the equal one of the forward pass. When `after` is NaN the result is meaningless, and so are the
 * gradients that `after` belongs to.
 */
export const afterOp = defineOp({
  name: 'training.after',
  inputs: ['x', 'after'],
  outputs: ['y'],
  infer({ x, after }, _: Record<string, never>) {
    if (!isFloat(after.dtype) || !size(after))
      throw new ShapeError(`training.after: 'after' must hold floats, got ${formatType(after)}.`);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose({ x, after }) {
    const one = reshape(slice(reshape(after, [size(after)]), 0, 0, 1), []);
    const number = cast(one, 'f32');
    return { y: where(equal(number, number), x, 0) };
  },
  vjp: ({ cotangents: { y: dy } }) => (dy ? { x: dy } : {}),
});

export const after = (x: Value, token: Value): Value => afterOp({ x, after: token }, {}).y;
