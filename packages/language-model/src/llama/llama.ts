import { ShapeError } from '@emu-ts/base';
import {
  broadcast,
  constant,
  dims,
  expectShape,
  formatType,
  iota,
  reshape,
  type Value,
  where,
} from '@emu-ts/graph';
import { attention, embedding, linear, maskValue, type RopeTables, rmsNorm } from '@emu-ts/nn';
import { block, type Surroundings } from './block.js';
import type { LlamaConfig } from './config.js';
import type { LlamaParams } from './params.js';
import { rotaryTables } from './tables.js';

export interface LlamaInputs {
  /** [b t width] */
  readonly embeddings: Value;
  /** bool [b t], false where a position holds nothing. Default: every position holds something. */
  readonly mask?: Value | undefined;
  /** i32 [b t]. Default 0 … t − 1 in every row, which is right unless rows are padded on the left. */
  readonly positions?: Value | undefined;
  /** Of all positions that occur. Default: constants for 0 … t − 1. */
  readonly tables?: RopeTables | undefined;
}

/**
 * Reads whole rows at once: embeddings to hidden states after the final norm, [b t width]. Each position sees itself
 * and those before it that hold something; what comes out at one that holds nothing means nothing.
 */
export function llama(p: LlamaParams, inputs: LlamaInputs, c: LlamaConfig): Value {
  const { b, t, d } = dims(inputs.embeddings, 'b t d');
  if (d !== c.width)
    throw new ShapeError(
      `llama: embeddings of width ${c.width} are wanted, got ${formatType(inputs.embeddings)}.`,
    );
  const bias = inputs.mask && hidden(inputs.mask, [b, t]);
  const around: Surroundings = {
    positions: inputs.positions ?? broadcast(iota([1, t], 1), [b, t]),
    tables: inputs.tables ?? constantTables(t, c),
    attend: (_, operands, scale) => attention({ ...operands, bias }, { scale, causal: true }),
  };
  return stack(p, inputs.embeddings, around, c);
}

/** All blocks and the final norm: [b t width] → [b t width]. */
export function stack(p: LlamaParams, x: Value, around: Surroundings, c: LlamaConfig): Value {
  const last = p.model.layers.reduce((h, layer, i) => block(layer, h, i, around, c), x);
  return rmsNorm(p.model.norm, last, c.eps);
}

/** Hidden states [… width] → what comes next, [… vocabSize]. */
export const logits = (p: LlamaParams, hidden: Value): Value => linear(p.lm_head, hidden);

/** ids i32 [… ] → [… width] */
export const embedTokens = (p: LlamaParams, ids: Value): Value => embedding(p.model.embed_tokens, ids);

/** [b t] → a bias [b 1 1 t] that hides the keys of positions that hold nothing. */
function hidden(mask: Value, [b, t]: readonly [number, number]): Value {
  expectShape('llama', 'mask', mask, [b, t]);
  return reshape(where(mask, 0, maskValue), [b, 1, 1, t]);
}

function constantTables(positions: number, c: LlamaConfig): RopeTables {
  const { cos, sin } = rotaryTables(c, positions);
  return { cos: constant(cos), sin: constant(sin) };
}
