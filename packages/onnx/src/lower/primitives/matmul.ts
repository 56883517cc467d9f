import type { Primitives } from '@emu-ts/graph';
import type { Lowering } from '../context.js';

/** ONNX Runtime folds a transposed operand into the product by itself. */
export const matmul: Lowering<Primitives['matmul']> = ({ model, inputs: { a, b } }) =>
  model.emit('MatMul', [a.name, b.name]);
