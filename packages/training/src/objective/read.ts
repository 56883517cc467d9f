import type { LanguageModelModel } from '@emu-ts/contracts';
import { broadcast, dims, iota, reshape, type Value, where } from '@emu-ts/graph';
import { attention, maskValue } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';

/**
 * A language model over whole rows at once: embeddings [b t d] → hidden states [b t d], nothing remembered.
 * @param mask bool [b t], false where a position holds nothing; absent: every position holds something
 */
export function readRows<T extends ParamTree>(
  model: LanguageModelModel<T>,
  p: Params<T>,
  embeddings: Value,
  mask?: Value | undefined,
): Value {
  const { b, t } = dims(embeddings, 'b t d');
  const bias = mask && reshape(where(mask, 0, maskValue), [b, 1, 1, t]);
  return model.read(p, embeddings, {
    positions: broadcast(iota([1, t], 1), [b, t]),
    attend: (_, operands, scale) => attention({ ...operands, bias }, { scale, causal: true }),
  });
}
