import { EmuError, type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import type { TrainingTargets } from '@emu-ts/contracts';

/** One sequence, laid out by a `SequenceFormat`. */
export interface TrainingRow {
  /** `[length]` token ids, placeholders included. */
  readonly ids: ArrayLike<number>;
  /** Position of the first placeholder of each image. */
  readonly imageSlots: readonly number[];
  /** One tensor per image: pixels f32 `[3 h w]`, or embeddings f32 `[queries width]`. */
  readonly images: readonly HostTensor[];
  readonly targets: TrainingTargets;
  /** By position of a label, ids that it is not chosen against: they are left out of the softmax. */
  readonly excluded?: ReadonlyMap<number, readonly number[]> | undefined;
}

export interface CollateOptions {
  /** Embeddings of one image. */
  readonly queries: number;
  readonly padId: number;
  /** Whether the rows' images are pixels (default) or known embeddings. */
  readonly images?: 'pixels' | 'embeddings' | undefined;
  /** Most ids that a row excludes at a position; the batch then has `text_excluded`. Default 0: none. */
  readonly excluded?: number | undefined;
  /**
   * The padded length, the number of images and of text targets are multiples of these: few shapes, few programs. There
   * are never more text targets than positions.
   */
  readonly multiples?:
    | {
        readonly length?: number | undefined;
        readonly images?: number | undefined;
        readonly text?: number | undefined;
      }
    | undefined;
}

/**
 * Sequences of different lengths as the batch of `interleavedObjective`. Rows are padded at the end, which a causal
 * model never sees, so no mask is needed.
 */
export function collate(rows: readonly TrainingRow[], options: CollateOptions): Record<string, HostTensor> {
  const { queries, padId, images: kind = 'pixels', excluded: most = 0, multiples = {} } = options;
  const length = upTo(Math.max(1, ...rows.map(({ ids }) => ids.length)), multiples.length);
  const count = upTo(
    rows.reduce((n, { images }) => n + images.length, 0),
    multiples.images,
  );
  const ids = new Int32Array(rows.length * length).fill(padId);
  const slots = new Int32Array(rows.length * length).fill(-1);
  const regressionInputs = new Int32Array(count * (queries + 1)).fill(-1);
  const regressionLabels = new Int32Array(count * (queries + 1)).fill(-1);
  const imageIndex = new Int32Array(count).fill(-1);
  const text: [input: number, label: number, excluded: readonly number[]][] = [];
  let image = 0;
  rows.forEach((row, r) => {
    const start = r * length;
    ids.set(Array.from(row.ids), start);
    if (row.images.length !== row.imageSlots.length) {
      throw new EmuError(
        'IMAGE_COUNT',
        `Row ${r} has places for ${row.imageSlots.length} images and ${row.images.length} images.`,
      );
    }
    const asked = new Set(row.targets.regressionInputs);
    row.imageSlots.forEach((slot, index) => {
      for (let q = 0; q < queries; q++) slots[start + slot + q] = image * queries + q;
      imageIndex[image] = index;
      for (let q = 0; q <= queries; q++) {
        if (!asked.has(slot - 1 + q)) continue;
        regressionInputs[image * (queries + 1) + q] = start + slot - 1 + q;
        regressionLabels[image * (queries + 1) + q] = start + slot + q;
      }
      image++;
    });
    const { labels } = row.targets;
    for (let i = 1; i < labels.length; i++)
      if (labels[i] >= 0) text.push([start + i - 1, labels[i], row.excluded?.get(i) ?? []]);
  });
  // No more than there are positions: then the ids' shape decides, and no other program is needed.
  const asked = Math.min(upTo(text.length, multiples.text), ids.length);
  const column = (part: 0 | 1) => {
    const out = new Int32Array(asked).fill(-1);
    text.forEach((pair, i) => {
      out[i] = pair[part];
    });
    return tensor('i32', [asked], out);
  };
  const excluded = new Int32Array(asked * most).fill(-1);
  for (const [i, [, , ids]] of text.entries()) {
    if (ids.length > most)
      throw new EmuError('BATCH', `A position excludes ${ids.length} ids, the batch has room for ${most}.`, {
        hint: "Raise 'excluded'.",
      });
    excluded.set(ids, i * most);
  }
  const stacked = stack(
    rows.flatMap(({ images }) => images),
    count,
  );
  return {
    ids: tensor('i32', [rows.length, length], ids),
    ...(asked ? { text_inputs: column(0), text_labels: column(1) } : {}),
    ...(asked && most ? { text_excluded: tensor('i32', [asked, most], excluded) } : {}),
    ...(stacked
      ? {
          slots: tensor('i32', [rows.length, length], slots),
          [kind === 'pixels' ? 'images' : 'image_embeddings']: stacked,
          regression_inputs: tensor('i32', [count, queries + 1], regressionInputs),
          regression_labels: tensor('i32', [count, queries + 1], regressionLabels),
          image_index: tensor('i32', [count], imageIndex),
        }
      : {}),
  };
}

const upTo = (n: number, multiple = 1): number => Math.ceil(n / multiple) * multiple;

/** Equal f32 tensors as one with a leading axis of `count`; what is missing is zeros. */
function stack(parts: readonly HostTensor[], count: number): HostTensor | undefined {
  const [first] = parts;
  if (!first) return undefined;
  const size = sizeOf(first.shape);
  const data = new Float32Array(count * size);
  parts.forEach((part, i) => {
    if (part.dtype !== 'f32' || part.shape.join() !== first.shape.join()) {
      throw new EmuError(
        'BATCH',
        `Images of one batch are f32 of one shape; got ${first.dtype}[${first.shape}] and ${part.dtype}[${part.shape}].`,
      );
    }
    data.set(part.data as Float32Array, i * size);
  });
  return tensor('f32', [count, ...first.shape], data);
}
