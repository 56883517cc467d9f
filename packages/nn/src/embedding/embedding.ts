import type { DType } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import { type Initializer, normal, type Param, type Params, param } from '@emu-ts/params';
import { embeddingOp } from './op.js';

/** weight [vocabulary dim] */
export type EmbeddingTree = { readonly weight: Param };

/** @param init default N(0, 1), as PyTorch. */
export const embeddingParams = (
  vocabulary: number,
  dim: number,
  { init = normal(1), dtype = 'f32' }: { readonly init?: Initializer; readonly dtype?: DType } = {},
): EmbeddingTree => ({ weight: param([vocabulary, dim], init, dtype) });

/** ids i32 [… ] → [… dim] */
export const embedding = (p: Params<EmbeddingTree>, ids: Value, dtype: DType = 'f32'): Value =>
  embeddingOp({ ids, weight: p.weight }, { dtype }).y;
