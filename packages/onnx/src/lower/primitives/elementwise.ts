import { isFloat } from '@emu-ts/base';
import type { Primitives } from '@emu-ts/graph';
import { hostType, onnxType } from '../../model/dtype.js';
import type { Lowering } from '../context.js';

/** Elementwise maths: NumPy broadcasting is ONNX's own. */
type Unary = Lowering<Primitives['neg']>;
type Binary = Lowering<Primitives['add']>;

const unary =
  (op: string): Unary =>
  ({ model, inputs: { x } }) =>
    model.emit(op, [x.name]);

const binary =
  (op: string): Binary =>
  ({ model, inputs: { a, b } }) =>
    model.emit(op, [a.name, b.name]);

export const neg = unary('Neg');
export const exp = unary('Exp');
export const log = unary('Log');
export const sqrt = unary('Sqrt');
export const rsqrt: Unary = ({ model, inputs: { x } }) =>
  model.emit('Reciprocal', [model.emit('Sqrt', [x.name])]);
export const sin = unary('Sin');
export const cos = unary('Cos');
export const tanh = unary('Tanh');
export const erf = unary('Erf');

export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');
export const max = binary('Max');
export const min = binary('Min');
export const less = binary('Less');
export const equal = binary('Equal');
export const and = binary('And');

/** ONNX Runtime has no Where of bools: (c and a) or (not c and b). */
export const where: Lowering<Primitives['where']> = ({ model, inputs: { condition: c, a, b } }) => {
  if (a.dtype !== 'bool') return model.emit('Where', [c.name, a.name, b.name]);
  const not = model.emit('Not', [c.name]);
  return model.emit('Or', [model.emit('And', [c.name, a.name]), model.emit('And', [not, b.name])]);
};

/** bf16 is held as f32: between the two there is nothing to do. */
export const cast: Lowering<Primitives['cast']> = ({ model, inputs: { x }, attrs: { dtype } }) => {
  if (hostType(x.dtype) === hostType(dtype)) return x.name;
  // A float becomes an unsigned byte by way of an integer, so that every processor truncates alike.
  const narrow = isFloat(x.dtype) && (dtype === 'u8' || dtype === 'u16' || dtype === 'i8');
  const from = narrow ? model.emit('Cast', [x.name], { to: onnxType('i32') }) : x.name;
  return model.emit('Cast', [from], { to: onnxType(dtype) });
};
