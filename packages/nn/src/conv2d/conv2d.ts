import type { DType } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import { type Initializer, type Param, type Params, param, uniform, zeros } from '@emu-ts/params';
import { conv2dOp } from './op.js';

/** weight [out in kh kw], bias [out] */
export type Conv2dTree = { readonly weight: Param; readonly bias?: Param | undefined };

export interface Conv2dOptions {
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** How the weight starts: default U(±1/√(in·kh·kw)). The bias starts at zero. */
  readonly init?: Initializer | undefined;
  readonly dtype?: DType | undefined;
}

export function conv2dParams(
  inChannels: number,
  outChannels: number,
  kernel: number | readonly [number, number],
  { bias = true, init, dtype = 'f32' }: Conv2dOptions = {},
): Conv2dTree {
  const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  const shape = [outChannels, inChannels, height, width];
  return {
    weight: param(shape, init ?? uniform(1 / Math.sqrt(inChannels * height * width)), dtype),
    ...(bias ? { bias: param([outChannels], zeros, dtype) } : {}),
  };
}

/** x [n in h w] → [n out h' w']. @param padding zeros on every side, or [top, left, bottom, right]. */
export function conv2d(
  p: Params<Conv2dTree>,
  x: Value,
  {
    stride = 1,
    padding = 0,
  }: {
    readonly stride?: number | undefined;
    readonly padding?: number | readonly [number, number, number, number] | undefined;
  } = {},
): Value {
  const sides = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding;
  return conv2dOp({ x, weight: p.weight, bias: p.bias }, { strides: [stride, stride], padding: sides }).y;
}
