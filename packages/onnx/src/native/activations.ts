import type { NativeLowering } from '../lower/context.js';
import { onlyF32 } from './f32.js';

/** Elementwise and row-wise functions of one operand that are a standard ONNX operator. */
const unary = (
  op: string,
  operator: string,
  attributes: Readonly<Record<string, number>> = {},
): NativeLowering => ({
  op,
  becomes: operator,
  supports: (node) => onlyF32(node),
  lower: ({ model, inputs: { x } }) => ({ y: model.emit(operator, [x.name], attributes) }),
});

/** In training the decomposition: the backward pass shares all of it but the last product. */
export const gelu: NativeLowering = {
  ...unary('nn.gelu', 'Gelu'),
  supports: (node) => (node.shared.has('x') ? 'x is read elsewhere (training)' : onlyF32(node)),
};
export const sigmoid = unary('nn.sigmoid', 'Sigmoid');
export const softmax = unary('nn.softmax', 'Softmax', { axis: -1 });
export const logSoftmax = unary('nn.log_softmax', 'LogSoftmax', { axis: -1 });

/** x · sigmoid(scale · x); ONNX Runtime makes one kernel of the two or three operators. */
const gated = (op: string, scale: number): NativeLowering => ({
  op,
  becomes: 'Sigmoid',
  supports: (node) => onlyF32(node),
  lower: ({ model, inputs: { x } }) => {
    const inner = scale === 1 ? x.name : model.emit('Mul', [x.name, model.scalar('f32', scale)]);
    return { y: model.emit('Mul', [x.name, model.emit('Sigmoid', [inner])]) };
  },
});

export const silu = gated('nn.silu', 1);
export const quickGelu = gated('nn.quick_gelu', 1.702);
