import { type CallOptions, EmuError, sizeOf, tensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { toHost } from '../host.js';

/** Rows of input embeddings, brought to one length by leading positions that hold nothing. */
export interface Prompt {
  /** `[rows t width]` */
  readonly embeddings: AnyTensor;
  /** `[rows]` leading positions that hold nothing. */
  readonly padding: readonly number[];
}

export interface EmbedPromptOptions extends CallOptions {
  /** The id that fills short rows; any row of the embedding table does. */
  readonly pad: number;
  /** Embeddings that take the place of every `token`, in the order of the flattened rows: `[n width]` in all. */
  readonly visual?: { readonly token: number; readonly embeddings: AnyTensor } | undefined;
}

/**
 * Token ids to a prompt: rows of the embedding table, image embeddings at their placeholders, short rows padded on the
 * left. Throws `EmuError` `IMAGE_COUNT` when placeholders and embeddings differ in number.
 */
export async function embedPrompts(
  model: LanguageModel,
  rows: readonly (readonly number[])[],
  { pad, visual, ...options }: EmbedPromptOptions,
): Promise<Prompt> {
  const length = Math.max(...rows.map((ids) => ids.length));
  const padding = rows.map((ids) => length - ids.length);
  const ids = rows.flatMap((row, i) => [...new Array<number>(padding[i]).fill(pad), ...row]);
  const { data } = await model.embed(ids, options);
  if (visual) await place(data, ids, model.width, visual, options);
  return { embeddings: tensor('f32', [rows.length, length, model.width], data), padding };
}

/** Writes image embeddings over the rows of their placeholders. */
async function place(
  rows: Float32Array,
  ids: readonly number[],
  width: number,
  { token, embeddings }: { readonly token: number; readonly embeddings: AnyTensor },
  options: CallOptions,
): Promise<void> {
  const { data, shape } = await toHost(embeddings, options);
  const slots = ids.flatMap((id, row) => (id === token ? [row] : []));
  const count = sizeOf(shape) / width;
  if (count !== slots.length) {
    throw new EmuError(
      'IMAGE_COUNT',
      `The prompts hold ${slots.length} placeholders (id ${token}), but there are ${count} image embeddings of width ${width}.`,
      { hint: 'Give one embedding for every placeholder.' },
    );
  }
  slots.forEach((row, i) => {
    rows.set((data as Float32Array).subarray(i * width, (i + 1) * width), row * width);
  });
}
