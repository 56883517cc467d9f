import {
  byteSize,
  type CallOptions,
  convert,
  type DType,
  EmuError,
  type HostTensor,
  isFloat,
  sizeOf,
  toF64,
} from '@emu-ts/base';
import { sameShape, type TensorType } from '@emu-ts/graph';
import { checkSource } from './mismatch.js';
import { flatten, type ParamTree } from './param.js';
import type { TensorSource } from './source.js';

export interface LoadOptions extends CallOptions {
  /** Where the tree stands in the source: only names below are looked at. Not for a map, whose names are whole. */
  readonly prefix?: string | undefined;
  /** Names the source may have beyond the tree. */
  readonly allowUnused?: readonly RegExp[] | undefined;
  /** Weights that nothing computes with: checked where the source has them, never read. */
  readonly unused?: readonly RegExp[] | undefined;
  /** The format to convert weights to. Default: the one their parameter declares. */
  readonly dtype?: ((name: string, declared: TensorType) => DType) | undefined;
}

/** A parameter tree, or its weights by full name. */
export type Wanted = ParamTree | ReadonlyMap<string, TensorType>;

/**
 * Reads every weight of a tree. Before anything is read, names and shapes are compared, and one
 * `CHECKPOINT_MISMATCH` error lists all that is missing, unexpected or misshapen. `DTYPE_RANGE`: a number does not
 * fit the wanted format. A failed or aborted load returns nothing.
 */
export async function loadParams(
  wanted: Wanted,
  source: TensorSource,
  options: LoadOptions = {},
): Promise<Map<string, HostTensor>> {
  const loaded = new Map<string, HostTensor>();
  for await (const [name, weight] of readParams(wanted, source, options)) loaded.set(name, weight);
  return loaded;
}

/** As `loadParams`, one weight after the other, for whoever passes them on and keeps none. */
export async function* readParams(
  wanted: Wanted,
  source: TensorSource,
  { prefix, allowUnused, unused = [], dtype, signal, onProgress }: LoadOptions = {},
): AsyncGenerator<readonly [name: string, weight: HostTensor]> {
  const weights: ReadonlyMap<string, TensorType> =
    wanted instanceof Map ? wanted : flatten(wanted as ParamTree, prefix);
  checkSource(weights, source, { prefix, allowUnused, optional: unused });
  const needed = [...weights].filter(([name]) => !unused.some((pattern) => pattern.test(name)));
  const bytes = (name: string) => {
    const entry = source.entries.get(name) as TensorType;
    return sizeOf(entry.shape) * byteSize(entry.dtype);
  };
  const total = needed.reduce((n, [name]) => n + bytes(name), 0);
  let loaded = 0;
  for (const [name, declared] of needed) {
    signal?.throwIfAborted();
    const read = await source.read(name, { signal });
    if (!sameShape(read.shape, declared.shape))
      throw new EmuError('BAD_SOURCE', `${name}: listed as [${declared.shape}], read as [${read.shape}].`);
    yield [name, narrow(name, read, dtype?.(name, declared) ?? declared.dtype)];
    loaded += bytes(name);
    onProgress?.({ phase: 'load', ...(prefix ? { component: prefix } : {}), loaded, total });
  }
}

/** Converts, and refuses to turn a finite number into an infinity. */
function narrow(name: string, t: HostTensor, dtype: DType): HostTensor {
  const out = convert(t, dtype);
  if (dtype !== 'f16' || t.dtype === 'f16' || !isFloat(t.dtype)) return out;
  const bits = out.data as Uint16Array;
  const at = bits.findIndex((h) => (h & 0x7fff) === 0x7c00);
  if (at < 0) return out;
  const value = toF64({ ...t, shape: [1], data: t.data.slice(at, at + 1) as typeof t.data })[0];
  if (!Number.isFinite(value)) return out;
  throw new EmuError('DTYPE_RANGE', `${name}: element ${at} is ${value}, beyond the largest f16 of 65504.`, {
    hint: 'Keep this weight in bf16 or f32.',
  });
}
