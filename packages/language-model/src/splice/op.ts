import { ShapeError } from '@emu-ts/base';
import { defineOp, dims, expectShape, formatType, gather, less, max, reshape, where } from '@emu-ts/graph';

/**
 * Image embeddings in the places that a text holds for them: tokens f32 [n d], embeddings f32 [m d], slots i32 [n] → [n d].
 * Row i is `embeddings[slots[i]]`, or that of the token where the slot is negative.
 */
export const spliceOp = defineOp({
  name: 'language_model.splice',
  inputs: ['tokens', 'embeddings', 'slots'],
  outputs: ['y'],
  infer({ tokens, embeddings, slots }, _: Record<string, never>) {
    const { n, d } = dims(tokens, 'n d');
    dims(embeddings, `m ${d}`);
    expectShape('language_model.splice', 'slots', slots, [n]);
    if (tokens.dtype !== 'f32' || embeddings.dtype !== 'f32' || slots.dtype !== 'i32')
      throw new ShapeError(
        `language_model.splice: f32 rows and i32 slots are wanted, got ${[tokens, embeddings, slots].map(formatType)}.`,
      );
    return { y: tokens };
  },
  decompose({ tokens, embeddings, slots }) {
    const [n] = slots.shape;
    return { y: where(less(reshape(slots, [n, 1]), 0), tokens, gather(embeddings, max(slots, 0))) };
  },
  vjp: 'none',
});
