import { sizeOf, tensor } from '@emu-ts/base';
import type { Primitives } from '@emu-ts/graph';
import { hostType, onnxType } from '../../model/dtype.js';
import { isConcrete, type Size } from '../../model/size.js';
import type { Lowering } from '../context.js';

/** Fills and counters. (`input` and `constant` are placed by `lowerGraph`, which knows names and weights.) */
export const full: Lowering<Primitives['full']> = ({ model, scalar, outputs: { value } }) => {
  const number = scalar('value', value.dtype);
  return value.shape.length ? model.emit('Expand', [number, model.shape(value.shape)]) : number;
};

export const iota: Lowering<Primitives['iota']> = ({ model, attrs: { axis, dtype }, outputs: { value } }) => {
  const along: Size[] = value.shape.map((size, i) => (i === axis ? size : 1));
  const counter = count(along[axis]);
  return value.shape.every((size, i) => i === axis || size === 1)
    ? counter
    : model.emit('Expand', [counter, model.shape(value.shape)]);

  function count(n: Size): string {
    if (isConcrete(along)) {
      const numbers = Array.from({ length: sizeOf(along) }, (_, i) => i);
      return model.constant(tensor(hostType(dtype), along, numbers));
    }
    const [zero, one] = [0, 1].map((number) => model.scalar('i64', number));
    const range = model.emit('Range', [zero, model.emit('Squeeze', [model.shape([n])]), one]);
    return model.reshape(model.emit('Cast', [range], { to: onnxType(dtype) }), along);
  }
};
