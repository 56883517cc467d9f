import type { NativeLowering } from '../lower/context.js';
import { microsoft } from '../model/builder.js';
import { product } from '../model/size.js';
import { onlyF32 } from './f32.js';

/**
 * How a product with quantised weights treats the other operand. `int8`: activations are rounded to 8 bits in groups
 * of 32 as well (error about 2⁻⁸ of the largest in each group), which is what the fast kernels do. `f32`: exactly as
 * the op means it; at 8 bits ONNX Runtime then has only a scalar loop, so those are decomposed.
 */
export type QuantizedActivations = 'int8' | 'f32';

const levels = { f32: 1, int8: 4 } as const;

/** Codes and scales are laid out as this operator wants them; it is far slower unless both are embedded. */
const quantized = (op: string, bits: 4 | 8, activations: QuantizedActivations): NativeLowering => ({
  op,
  becomes: `MatMulNBits (${activations} activations)`,
  supports(node) {
    const open = ['codes', 'scales'].filter((name) => !node.constants.has(name));
    if (open.length) return `${open.join(' and ')} must be given as weights`;
    if (bits === 8 && activations === 'f32') return 'no fast 8-bit product with f32 activations';
    return onlyF32(node, ['x', 'bias']);
  },
  lower({ model, inputs: { x, codes, bias }, outputs, embed }) {
    const k = x.shape[x.shape.length - 1] as number;
    const n = codes.shape[0] as number;
    const rows = model.reshape(x.name, [product(x.shape.slice(0, -1)), k]);
    const y = model.emit(
      'MatMulNBits',
      [rows, embed('codes', 'u8'), embed('scales', 'f32')],
      { K: k, N: n, bits, block_size: 32, accuracy_level: levels[activations] },
      { domain: microsoft },
    );
    const whole = model.reshape(y, outputs.y.shape);
    return { y: bias ? model.emit('Add', [whole, bias.name]) : whole };
  },
});

export const quantizedLinear = (activations: QuantizedActivations): readonly NativeLowering[] => [
  quantized('nn.linear_int4', 4, activations),
  quantized('nn.linear_int8', 8, activations),
];
