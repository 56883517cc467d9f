import { isFloat, ShapeError } from '@emu-ts/base';
import { cast, defineOp, formatType, mul, sum, type Value } from '@emu-ts/graph';

/** Σ x² over all elements, a scalar of the accumulation dtype. */
export const sumOfSquaresOp = defineOp({
  name: 'training.sum_of_squares',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    if (!isFloat(x.dtype))
      throw new ShapeError(`training.sum_of_squares takes floats, got ${formatType(x)}.`);
    return { y: { shape: [], dtype: x.dtype === 'f64' ? 'f64' : 'f32' } };
  },
  decompose({ x }) {
    const wide = cast(x, x.dtype === 'f64' ? 'f64' : 'f32');
    return { y: sum(mul(wide, wide)) };
  },
});

export const sumOfSquares = (x: Value): Value => sumOfSquaresOp({ x }, {}).y;
