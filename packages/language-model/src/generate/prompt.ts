import { type CallOptions, EmuError, sizeOf, tensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import { type AnyTensor, isDeviceTensor } from '@emu-ts/graph';
import { discard, toHost } from '../host.js';

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
 * left. Image embeddings that a device holds stay there, where the model can put them in their places itself; the prompt
 * then holds memory of the device until it is disposed. Throws `EmuError` `IMAGE_COUNT` when placeholders and embeddings differ in number.
 */
export async function embedPrompts(
  model: LanguageModel,
  rows: readonly (readonly number[])[],
  { pad, visual, ...options }: EmbedPromptOptions,
): Promise<Prompt & Disposable> {
  const length = Math.max(...rows.map((ids) => ids.length));
  const padding = rows.map((ids) => length - ids.length);
  const padded = rows.map((row, i) => [...new Array<number>(padding[i]).fill(pad), ...row]);
  const embeddings = await embedded(model, padded, visual, options);
  return { embeddings, padding, [Symbol.dispose]: () => discard(embeddings) };
}

async function embedded(
  model: LanguageModel,
  rows: readonly (readonly number[])[],
  visual: EmbedPromptOptions['visual'],
  options: CallOptions,
): Promise<AnyTensor> {
  const ids = rows.flat();
  const slots = visual && slotsOf(ids, model.width, visual);
  if (slots && isDeviceTensor(visual.embeddings) && model.splice)
    return model.splice(rows, slots, visual.embeddings, options);
  const { data } = await model.embed(ids, options);
  if (slots) await place(data, slots, model.width, visual.embeddings, options);
  return tensor('f32', [rows.length, ids.length / rows.length, model.width], data);
}

/** For every id the embedding that takes its place, or −1. */
function slotsOf(
  ids: readonly number[],
  width: number,
  { token, embeddings }: NonNullable<EmbedPromptOptions['visual']>,
): number[] {
  let next = 0;
  const slots = ids.map((id) => (id === token ? next++ : -1));
  const count = sizeOf(embeddings.shape) / width;
  if (count === next) return slots;
  throw new EmuError(
    'IMAGE_COUNT',
    `The prompts hold ${next} placeholders (id ${token}), but there are ${count} image embeddings of width ${width}.`,
    { hint: 'Give one embedding for every placeholder.' },
  );
}

/** Writes image embeddings over the rows of their placeholders. */
async function place(
  rows: Float32Array,
  slots: readonly number[],
  width: number,
  embeddings: AnyTensor,
  options: CallOptions,
): Promise<void> {
  const data = (await toHost(embeddings, options)).data as Float32Array;
  slots.forEach((slot, row) => {
    if (slot >= 0) rows.set(data.subarray(slot * width, (slot + 1) * width), row * width);
  });
}
