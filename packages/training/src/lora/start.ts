import { EmuError, type HostTensor, pack, sizeOf, toF64 } from '@emu-ts/base';
import type { TensorType } from '@emu-ts/graph';
import { flatten, initializeParam, type Param, type ParamTree, type TensorSource } from '@emu-ts/params';

/** Where instruction-tuned checkpoints have the language model, and where pretrained ones do. */
const wrapped = 'decoder.lm.base_model.model.';
const plain = 'decoder.lm.';

export interface LoraStartOptions {
  /** Of the fresh matrices. */
  readonly seed: number;
  /**
   * Tokens whose rows the new rows of the tables start from, in order: Emu-I's `[USER]` and `[ASSISTANT]` start from the
   * words. Default: the mean of all old rows.
   */
  readonly newRowsFrom?: readonly number[] | undefined;
}

/**
 * A pretrained checkpoint as the start of LoRA tuning: under peft's names, with fresh low-rank matrices that change
 * nothing yet, and tables grown to the larger vocabulary.
 * @param params the tree of the model with LoRA, by checkpoint path
 */
export function loraStart(
  pretrained: TensorSource,
  params: ParamTree,
  { seed, newRowsFrom }: LoraStartOptions,
): TensorSource {
  const wanted = flatten(params);
  const sourceName = (name: string) => (name.startsWith(wrapped) ? plain + name.slice(wrapped.length) : name);
  const missing = [...wanted.keys()].filter(
    (name) => !isLora(name) && !pretrained.entries.has(sourceName(name)),
  );
  if (missing.length) {
    throw new EmuError(
      'LORA',
      `The pretrained weights lack ${missing.length} tensors, such as '${sourceName(missing[0])}'.`,
    );
  }
  return {
    entries: wanted,
    async read(name, options) {
      const declared = wanted.get(name);
      if (!declared) throw new EmuError('NO_SUCH_TENSOR', `The model has no weight '${name}'.`);
      if (isLora(name)) return initializeParam(name, declared, seed);
      return grown(name, await pretrained.read(sourceName(name), options), declared, newRowsFrom);
    },
  };
}

const isLora = (name: string): boolean => /\.lora_[AB]\./.test(name);

/** A table with rows added at its end; anything else as it is. */
function grown(
  name: string,
  stored: HostTensor,
  { shape, dtype }: Param | TensorType,
  from: readonly number[] | undefined,
): HostTensor {
  const [rows, ...rest] = stored.shape;
  const added = shape[0] - rows;
  if (stored.shape.join() === shape.join()) return stored;
  if (added < 0 || rest.join() !== shape.slice(1).join() || (from && from.length !== added)) {
    throw new EmuError(
      'LORA',
      `'${name}' is [${stored.shape}] in the pretrained weights and [${shape}] in the model` +
        `${from ? `; ${from.length} tokens are given to start new rows from` : ''}.`,
    );
  }
  const width = sizeOf(rest);
  const old = toF64(stored);
  const data = new Float64Array(sizeOf(shape));
  data.set(old);
  for (let i = 0; i < added; i++) {
    const row = from ? old.subarray(from[i] * width, (from[i] + 1) * width) : meanRow(old, rows, width);
    data.set(row, (rows + i) * width);
  }
  return { dtype, shape, data: pack(dtype, data) };
}

function meanRow(table: Float64Array, rows: number, width: number): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < table.length; i++) mean[i % width] += table[i] / rows;
  return mean;
}
