import { EmuError, isFloat } from '@emu-ts/base';
import { formatType, sameShape, type TensorType } from '@emu-ts/graph';
import type { TensorSource } from './source.js';

export interface Misfit {
  readonly name: string;
  readonly wanted: TensorType;
  readonly got: TensorType;
}

/** A checkpoint does not fit the model. `code` is `CHECKPOINT_MISMATCH`; all differences are listed. */
export class CheckpointMismatchError extends EmuError {
  constructor(
    /** Names the model needs and the checkpoint lacks. */
    readonly missing: readonly string[],
    /** Names the checkpoint has and the model does not know. */
    readonly unexpected: readonly string[],
    /** Tensors of another shape, or integers where the model has floats. */
    readonly misshapen: readonly Misfit[],
  ) {
    const section = (title: string, lines: readonly string[]) =>
      lines.length ? [`${lines.length} ${title}:`, ...lines.map((line) => `  ${line}`)] : [];
    super(
      'CHECKPOINT_MISMATCH',
      [
        'The checkpoint does not fit the model.',
        ...section('missing', missing),
        ...section('unexpected', unexpected),
        ...section(
          'misshapen',
          misshapen.map(
            ({ name, wanted, got }) => `${name}: wanted ${formatType(wanted)}, got ${formatType(got)}`,
          ),
        ),
      ].join('\n'),
      { hint: hint(missing, unexpected) },
    );
  }
}

/** Says what the usual causes look like. */
function hint(missing: readonly string[], unexpected: readonly string[]): string {
  const same = missing.find((name) =>
    unexpected.some((other) => other.endsWith(`.${name}`) || name.endsWith(`.${other}`)),
  );
  return same
    ? `\nThe same names stand under another prefix (${same}): set \`prefix\`, or rename the checkpoint's tensors.`
    : '\nCheck that the checkpoint and the configuration belong together; name tensors to ignore in `allowUnused`.';
}

export interface CheckOptions {
  /** Only names below are looked at. */
  readonly prefix?: string | undefined;
  /** Names the source may have beyond those wanted. */
  readonly allowUnused?: readonly RegExp[] | undefined;
  /** Names the source may lack. */
  readonly optional?: readonly RegExp[] | undefined;
}

const matches = (name: string, patterns: readonly RegExp[]): boolean =>
  patterns.some((pattern) => pattern.test(name));

/** Compares names and shapes without reading a tensor. Throws one `CheckpointMismatchError` that lists everything. */
export function checkSource(
  wanted: ReadonlyMap<string, TensorType>,
  { entries }: TensorSource,
  { prefix, allowUnused = [], optional = [] }: CheckOptions = {},
): void {
  const fits = (want: TensorType, got: TensorType) =>
    sameShape(want.shape, got.shape) && isFloat(want.dtype) === isFloat(got.dtype);
  const missing = [...wanted.keys()].filter((name) => !entries.has(name) && !matches(name, optional));
  const misshapen = [...wanted].flatMap(([name, want]) => {
    const got = entries.get(name);
    return got && !fits(want, got) ? [{ name, wanted: want, got }] : [];
  });
  const ours = (name: string) => !prefix || name.startsWith(`${prefix}.`);
  const unexpected = [...entries.keys()].filter(
    (name) => ours(name) && !wanted.has(name) && !matches(name, allowUnused),
  );
  if (missing.length || misshapen.length || unexpected.length)
    throw new CheckpointMismatchError(missing, unexpected, misshapen);
}
