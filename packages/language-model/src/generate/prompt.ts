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
  /** `[rows]` what stands at the positions of each row that hold something, where that is known. */
  readonly marks?: readonly (readonly Mark[])[] | undefined;
}

/** What stands at a position: a token, or one row of a tensor of image embeddings. */
export type Mark = number | { readonly of: AnyTensor; readonly row: number };

/** How many positions two rows have in common before they differ. */
export function sharedBy(a: readonly Mark[], b: readonly Mark[]): number {
  const differs = a.findIndex((mark, i) => !sameMark(mark, b[i]));
  return differs < 0 ? a.length : differs;
}

const sameMark = (a: Mark, b: Mark | undefined): boolean =>
  typeof a === 'object' && typeof b === 'object' ? a.of === b.of && a.row === b.row : a === b;

export interface EmbedPromptOptions extends CallOptions {
  /** The id that fills short rows; any row of the embedding table does. */
  readonly pad: number;
  readonly visual?: VisualEmbeddings | undefined;
}

export interface VisualEmbeddings {
  /** The id of a placeholder. */
  readonly token: number;
  /** What takes the place of every `token`, in the order of the flattened rows: `[… width]`, one after the other. */
  readonly embeddings: AnyTensor | readonly AnyTensor[];
  /** How many rows count of each of several tensors, from the first on. Default all. */
  readonly counts?: readonly number[] | undefined;
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
  const parts = visual ? [visual.embeddings].flat() : [];
  const slots = visual && slotsOf(padded.flat(), model.width, visual.token, parts, visual.counts);
  const embeddings = await embedded(model, padded, slots, parts, options);
  const places = placesOf(parts, model.width);
  const marks = rows.map((ids, i) =>
    ids.map((id, at): Mark => places[slots?.[i * length + padding[i] + at] ?? -1] ?? id),
  );
  return { embeddings, padding, marks, [Symbol.dispose]: () => discard(embeddings) };
}

async function embedded(
  model: LanguageModel,
  rows: readonly (readonly number[])[],
  slots: readonly number[] | undefined,
  parts: readonly AnyTensor[],
  options: CallOptions,
): Promise<AnyTensor> {
  const ids = rows.flat();
  if (slots && model.splice && parts.some(isDeviceTensor)) return model.splice(rows, slots, parts, options);
  const { data } = await model.embed(ids, options);
  if (slots) await place(data, slots, model.width, parts, options);
  return tensor('f32', [rows.length, ids.length / rows.length, model.width], data);
}

/** Every row of the parts, one after the other. */
const placesOf = (parts: readonly AnyTensor[], width: number) =>
  parts.flatMap((of) => Array.from({ length: sizeOf(of.shape) / width }, (_, row) => ({ of, row })));

/** For every id the embedding that takes its place among all rows of the parts, or −1. */
function slotsOf(
  ids: readonly number[],
  width: number,
  token: number,
  parts: readonly AnyTensor[],
  counts: readonly number[] | undefined,
): number[] {
  const given: number[] = []; // rows that count
  let start = 0;
  for (const [i, { shape }] of parts.entries()) {
    const rows = sizeOf(shape) / width;
    for (let row = 0; row < (counts?.[i] ?? rows); row++) given.push(start + row);
    start += rows;
  }
  let next = 0;
  const slots = ids.map((id) => (id === token ? (given[next++] ?? -1) : -1));
  if (given.length === next) return slots;
  throw new EmuError(
    'IMAGE_COUNT',
    `The prompts hold ${next} placeholders (id ${token}), but there are ${given.length} image embeddings of width ${width}.`,
    { hint: 'Give one embedding for every placeholder.' },
  );
}

/** Writes image embeddings over the rows of their placeholders. */
async function place(
  rows: Float32Array,
  slots: readonly number[],
  width: number,
  parts: readonly AnyTensor[],
  options: CallOptions,
): Promise<void> {
  const read = await Promise.all(parts.map((part) => toHost(part, options)));
  const embeddings = read.flatMap(({ data }) =>
    Array.from({ length: data.length / width }, (_, i) =>
      (data as Float32Array).subarray(i * width, (i + 1) * width),
    ),
  );
  slots.forEach((slot, row) => {
    if (slot >= 0) rows.set(embeddings[slot], row * width);
  });
}
