import type { LoweringContext, NodeView } from '../lower/context.js';
import { onnxType } from '../model/dtype.js';

/**
 * True when the named operands (default: all) are held as f32, or the reason why not. ONNX Runtime's CPU kernels
 * compute in f32; for others it inserts casts, which the decomposition states openly.
 */
export function onlyF32({ inputs }: NodeView, names: readonly string[] = Object.keys(inputs)): true | string {
  const other = names.find((name) => inputs[name] && inputs[name].dtype !== 'f32');
  return other === undefined ? true : `only f32, ${other} is ${inputs[other].dtype}`;
}

/** The name of an operand widened to f32, for weights that are stored narrower. */
export function widened({ model, inputs }: LoweringContext, name: string): string {
  const operand = inputs[name];
  return operand.dtype === 'f32' ? operand.name : model.emit('Cast', [operand.name], { to: onnxType('f32') });
}
