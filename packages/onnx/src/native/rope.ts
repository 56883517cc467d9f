import type { NativeLowering } from '../lower/context.js';
import { microsoft } from '../model/builder.js';
import { onnxType } from '../model/dtype.js';
import { onlyF32 } from './f32.js';

/** Rotary embedding in the half-split layout, which is this operator's default. */
export const rope: NativeLowering = {
  op: 'nn.rope',
  becomes: 'RotaryEmbedding',
  supports: (node) => onlyF32(node, ['x', 'cos', 'sin']),
  lower({ model, inputs: { x, positions, cos, sin } }) {
    const rows = model.emit('Cast', [positions.name], { to: onnxType('i64') });
    const operands = [x.name, rows, cos.name, sin.name];
    return { y: model.emit('RotaryEmbedding', operands, {}, { domain: microsoft }) };
  },
};
