import type { Primitives } from '@emu-ts/graph';
import { plus, type Size, sameSize, times } from '../../model/size.js';
import type { Lowering } from '../context.js';

/** Moving elements without computing. */
export const reshape: Lowering<Primitives['reshape']> = ({ model, inputs: { x }, outputs: { y } }) =>
  model.reshape(x.name, y.shape);

export const transpose: Lowering<Primitives['transpose']> = ({
  model,
  inputs: { x },
  attrs: { permutation },
}) => model.emit('Transpose', [x.name], { perm: permutation });

export const broadcast: Lowering<Primitives['broadcast']> = ({ model, inputs: { x }, outputs: { y } }) =>
  model.emit('Expand', [x.name, model.shape(y.shape)]);

export const slice: Lowering<Primitives['slice']> = ({ model, inputs: { x }, attrs, sizes }) => {
  const [starts, ends] = [sizes('starts'), sizes('ends')];
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => !(starts[i] === 0 && sameSize(ends[i], x.shape[i]) && attrs.steps[i] === 1));
  if (!axes.length) return x.name;
  const pick = (list: readonly Size[]) => model.shape(axes.map((i) => list[i]));
  const operands = [x.name, pick(starts), pick(ends), model.ints(axes)];
  if (axes.some((i) => attrs.steps[i] !== 1)) operands.push(pick(attrs.steps));
  return model.emit('Slice', operands);
};

/**
 * ONNX pads around, not between. Between: every element becomes a row of its own, the row is filled up with zeros,
 * the rows are joined, and the zeros after the last element are cut off again by a negative pad.
 */
export const pad: Lowering<Primitives['pad']> = ({ model, inputs: { x }, attrs: { interior }, sizes }) => {
  const [low, high] = [sizes('low'), sizes('high')];
  const apart = interior.some((n) => n > 0);
  if (!apart) return x.shape.length ? pads(x.name, low, high) : x.name;
  const rows = x.shape.flatMap((size) => [size, 1]);
  const filled = interior.flatMap((n) => [0, n]);
  const spread = pads(
    model.reshape(x.name, rows),
    filled.map(() => 0),
    filled,
  );
  const joined = model.reshape(
    spread,
    x.shape.map((size, i) => times(size, interior[i] + 1)),
  );
  return pads(
    joined,
    low,
    high.map((size, i) => (x.shape[i] === 0 ? size : plus(size, -interior[i]))),
  );

  function pads(value: string, before: readonly Size[], after: readonly Size[]): string {
    const zero = model.scalar(x.dtype, 0);
    return model.emit('Pad', [value, model.shape([...before, ...after]), zero]);
  }
};

export const concat: Lowering<Primitives['concat']> = ({ model, inputs, attrs: { axis } }) =>
  model.emit(
    'Concat',
    Object.values(inputs).map(({ name }) => name),
    { axis },
  );
