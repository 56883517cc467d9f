import type { LanguageModelModel } from '@emu-ts/contracts';
import { broadcast, dims, iota, reshape, type Value, where } from '@emu-ts/graph';
import { attention, maskValue } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import { dropout } from '../dropout/op.js';

export interface ReadRowsOptions {
  /** bool [b t], false where a position holds nothing; absent: every position holds something. */
  readonly mask?: Value | undefined;
  /** i32 [4], from `drawDropout`: leaves out what low-rank updates read, as the model's configuration says. */
  readonly dropout?: Value | undefined;
}

/**
 * A language model over whole rows at once: embeddings [b t d] → hidden states [b t d], nothing remembered.
 */
export function readRows<T extends ParamTree>(
  model: LanguageModelModel<T>,
  p: Params<T>,
  embeddings: Value,
  { mask, dropout: seed }: ReadRowsOptions = {},
): Value {
  const { b, t } = dims(embeddings, 'b t d');
  const bias = mask && reshape(where(mask, 0, maskValue), [b, 1, 1, t]);
  let site = 0;
  return model.read(p, embeddings, {
    positions: broadcast(iota([1, t], 1), [b, t]),
    attend: (_, operands, scale) => attention({ ...operands, bias }, { scale, causal: true }),
    ...(seed && { dropout: (x: Value, rate: number) => dropout(x, seed, { rate, site: site++ }) }),
  });
}
