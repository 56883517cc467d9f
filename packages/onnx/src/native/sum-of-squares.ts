import type { NativeLowering } from '../lower/context.js';
import { onlyF32 } from './f32.js';

/** One pass and no squares in between: the norm of gradients takes one for every weight. */
export const sumOfSquares: NativeLowering = {
  op: 'training.sum_of_squares',
  becomes: 'ReduceSumSquare',
  supports: (node) => onlyF32(node),
  lower: ({ model, inputs: { x } }) => ({
    y: model.emit('ReduceSumSquare', [x.name], { keepdims: 0 }),
  }),
};
