import type { Primitives } from '@emu-ts/graph';
import { onnxType } from '../../model/dtype.js';
import type { Lowering } from '../context.js';

/** Reductions that keep their axes as 1. */
type Reduction = Lowering<Primitives['sum']>;

const reduction =
  (op: string): Reduction =>
  ({ model, inputs: { x }, attrs: { axes } }) =>
    axes.length ? model.emit(op, [x.name, model.ints(axes)], { keepdims: 1 }) : x.name;

export const sum = reduction('ReduceSum');
export const max_reduce = reduction('ReduceMax');

export const argmax: Lowering<Primitives['argmax']> = ({ model, inputs: { x }, attrs: { axis } }) =>
  model.emit('Cast', [model.emit('ArgMax', [x.name], { axis, keepdims: 1 })], { to: onnxType('i32') });
