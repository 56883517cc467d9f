import { defineOp, type Value } from '@emu-ts/graph';

/** The same tensor, through which no gradient flows: a target, or a model's own prediction fed back to it. */
export const detachOp = defineOp({
  name: 'training.detach',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _: Record<string, never>) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  decompose: ({ x }) => ({ y: x }),
  vjp: () => ({}),
});

export const detach = (x: Value): Value => detachOp({ x }, {}).y;
