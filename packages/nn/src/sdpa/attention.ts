import { ShapeError } from '@emu-ts/base';
import { dims, formatType, reshape, transpose, type Value } from '@emu-ts/graph';
import { type AttentionAttrs, sdpaOp } from './op.js';

export interface AttentionOperands {
  /** [b h t d] */
  readonly q: Value;
  /** [b h s d] */
  readonly k: Value;
  /** [b h s e] */
  readonly v: Value;
  /** Added to the scores; broadcastable to [b h t s]. */
  readonly bias?: Value | undefined;
}

/** softmax(scale · q kᵀ + bias) v → [b h t e] */
export const attention = (
  operands: AttentionOperands,
  { scale, causal = false }: { readonly scale: number; readonly causal?: boolean | undefined },
): Value => sdpaOp(operands, { scale, causal } satisfies AttentionAttrs).out;

/** [b t h·d] → [b h t d] */
export function splitHeads(x: Value, heads: number): Value {
  const { b, t, c } = dims(x, 'b t c');
  if (c % heads !== 0)
    throw new ShapeError(`The last axis of ${formatType(x)} does not divide into ${heads} heads.`);
  return transpose(reshape(x, [b, t, heads, c / heads]), [0, 2, 1, 3]);
}

/** [b h t d] → [b t h·d] */
export function mergeHeads(x: Value): Value {
  const { b, h, t, d } = dims(x, 'b h t d');
  return reshape(transpose(x, [0, 2, 1, 3]), [b, t, h * d]);
}
