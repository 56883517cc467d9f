import { isFloat, sizeOf, tensor } from '@emu-ts/base';
import type { Primitives } from '@emu-ts/graph';
import type { ModelBuilder } from '../../model/builder.js';
import { onnxType } from '../../model/dtype.js';
import { isConcrete, product } from '../../model/size.js';
import type { Lowering } from '../context.js';

/** Reading and writing at positions known only when the graph runs. */
export const gather: Lowering<Primitives['gather']> = ({ model, inputs: { x, indices }, attrs: { axis } }) =>
  model.emit('Gather', [x.name, indices.name], { axis });

/** Onto so many rows, a product with one-hot rows beats the scalar loop of ScatterElements. */
const fewRows = 256;

/**
 * ScatterND with addition would be the obvious operator, but its threads race: where indices repeat, updates are lost.
 * ScatterElements runs in one thread and is right.
 */
export const scatter_add: Lowering<Primitives['scatter_add']> = ({
  model,
  inputs: { x, indices, updates },
  attrs: { axis },
}) => {
  const rows = x.shape[axis];
  const outer = x.shape.slice(0, axis);
  const inner = x.shape.slice(axis + 1);
  const count = product(indices.shape);
  if (isFloat(x.dtype) && typeof rows === 'number' && rows <= fewRows) {
    const numbers = Array.from({ length: rows }, (_, i) => i);
    const row = model.constant(tensor('i32', [rows, 1], numbers));
    const hit = model.emit('Equal', [row, model.reshape(indices.name, [1, count])]); // [rows count]
    const hot = model.emit('Cast', [hit], { to: onnxType(x.dtype) });
    const added = model.emit('MatMul', [hot, model.reshape(updates.name, [...outer, count, product(inner)])]);
    return model.emit('Add', [x.name, model.reshape(added, x.shape)]);
  }
  const shape = [...outer, count, ...inner];
  const column = shape.map((size, i) => (i === axis ? size : 1));
  const positions = model.emit('Expand', [model.reshape(indices.name, column), model.shape(shape)]);
  const values = model.reshape(updates.name, shape);
  return model.emit('ScatterElements', [x.name, positions, values], { axis, reduction: 'add' });
};

/** A run-time position as the i64 vector of one element that Slice wants. */
export const position = (model: ModelBuilder, start: string): string =>
  model.reshape(model.emit('Cast', [start], { to: onnxType('i64') }), [1]);

export const dynamic_slice: Lowering<Primitives['dynamic_slice']> = ({
  model,
  inputs: { x, start },
  attrs: { axis },
  outputs: { y },
}) => {
  const from = position(model, start.name);
  const to = model.emit('Add', [from, model.shape([y.shape[axis]])]);
  return model.emit('Slice', [x.name, from, to, model.ints([axis])]);
};

/**
 * ScatterND copies the tensor once and writes whole rows. Its indices list every leading coordinate, so with named
 * axes the pieces before, at and after are joined instead.
 */
export const update_slice: Lowering<Primitives['update_slice']> = ({
  model,
  inputs: { x, update, start },
  attrs: { axis },
}) => {
  const from = position(model, start.name);
  const lead = update.shape.slice(0, axis + 1);
  if (isConcrete(lead)) {
    const along = model.constant(
      tensor(
        'i64',
        [axis + 1],
        lead.map((_, i) => (i === axis ? 1 : 0)),
      ),
    );
    const indices = model.emit('Add', [coordinates(model, lead), model.emit('Mul', [from, along])]);
    return model.emit('ScatterND', [x.name, indices, update.name]);
  }
  const length = update.shape[axis];
  const end = model.emit('Add', [from, model.shape([length])]);
  const [zero, all, axes] = [model.ints([0]), model.shape([x.shape[axis]]), model.ints([axis])];
  const before = model.emit('Slice', [x.name, zero, from, axes]);
  const after = model.emit('Slice', [x.name, end, all, axes]);
  return model.emit('Concat', [before, update.name, after], { axis });
};

/** Every index of `shape`, one row each: i64 [… rank]. */
function coordinates(model: ModelBuilder, shape: readonly number[]): string {
  const data = new BigInt64Array(sizeOf(shape) * shape.length);
  for (let i = 0; i < sizeOf(shape); i++) {
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      data[i * shape.length + axis] = BigInt(rest % shape[axis]);
      rest = Math.floor(rest / shape[axis]);
    }
  }
  return model.constant({ dtype: 'i64', shape: [...shape, shape.length], data });
}
