import type { DType } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import { type Initializer, type Param, type Params, param, uniform, zeros } from '@emu-ts/params';
import { type QuantizedLinearTree, quantizedLinear } from '../quantized-linear/quantized-linear.js';
import { linearOp } from './op.js';

/** weight [out in], bias [out] */
export type LinearTree = { readonly weight: Param; readonly bias?: Param | undefined };

/** What `linear` takes: plain weights, or quantised ones in their place. */
export type LinearParams = Params<LinearTree> | Params<QuantizedLinearTree>;

export interface LinearOptions {
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** How the weight starts: default U(±1/√in). The bias starts at zero. */
  readonly init?: Initializer | undefined;
  readonly dtype?: DType | undefined;
}

export const linearParams = (
  inDim: number,
  outDim: number,
  { bias = true, init = uniform(1 / Math.sqrt(inDim)), dtype = 'f32' }: LinearOptions = {},
): LinearTree => ({
  weight: param([outDim, inDim], init, dtype),
  ...(bias ? { bias: param([outDim], zeros, dtype) } : {}),
});

/** x [… in] → [… out] */
export const linear = (p: LinearParams, x: Value): Value =>
  'codes' in p ? quantizedLinear(p, x) : linearOp({ x, weight: p.weight, bias: p.bias }, {}).y;
