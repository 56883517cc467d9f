import { defineOp, type Value } from '@emu-ts/graph';

/** The same tensor, through which no gradient flows: a target, or a prediction that is fed back. */
export const stopGradientOp = defineOp({
  name: 'graph.stop_gradient',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _: Record<string, never>) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  decompose: ({ x }) => ({ y: x }),
  vjp: () => ({}),
});

export const stopGradient = (x: Value): Value => stopGradientOp({ x }, {}).y;
