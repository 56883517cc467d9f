import { add, and, div, less, min, neg, sqrt, type Value } from '@emu-ts/graph';
import { sumOfSquares } from '../sum-of-squares/op.js';

/** √Σ g² over every element of every gradient; a scalar. */
export const globalNorm = (gradients: readonly Value[]): Value =>
  sqrt(gradients.map(sumOfSquares).reduce((a, b) => add(a, b)));

/** What gradients are multiplied by so that their norm is at most `maxNorm`: PyTorch's `clip_grad_norm_`. */
export const clipCoefficient = (norm: Value, maxNorm: number): Value => min(div(maxNorm, add(norm, 1e-6)), 1);

const largest = 3.4e38;

/** Whether a number is neither NaN nor infinite. Comparisons with NaN are false. */
export const isNumber = (x: Value): Value => and(less(x, largest), less(neg(x), largest));
