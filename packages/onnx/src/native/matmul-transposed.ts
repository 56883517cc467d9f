import type { NativeLowering } from '../lower/context.js';
import { microsoft } from '../model/builder.js';
import { onlyF32 } from './f32.js';

/** A product that reads one operand, or the other, with rows and columns exchanged. */
export const matmulTransposed: NativeLowering = {
  op: 'nn.matmul_transposed',
  becomes: 'FusedMatMul',
  supports: (node) => onlyF32(node),
  lower({ model, inputs: { a, b }, attrs: { which } }) {
    const turned = which === 'a' ? { transA: 1 } : { transB: 1 };
    return { y: model.emit('FusedMatMul', [a.name, b.name], turned, { domain: microsoft }) };
  },
};
