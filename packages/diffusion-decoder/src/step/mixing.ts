import { type HostTensor, tensor } from '@emu-ts/base';
import type { LinearScheduler, StepCoefficients } from '../schedulers/index.js';

/**
 * A linear sampler as matrices, one per model call. Its state is a list of tensors like the sample:
 *
 *   0            the sample
 *   1            the sample before the previous call
 *   2 … k − 2    what was kept of earlier calls, newest first
 *   k − 1        the last call's view of the finished sample; read for previews, mixed into nothing
 *
 * Column k of a matrix is for the prediction, row k is what the model sees next.
 */

/** As PNDM needs, which holds most: so that one program serves every sampler of this package. */
const usual = 6;

/** How many tensors the state of a sampler has. */
export const slotsOf = ({ coefficients }: LinearScheduler): number =>
  Math.max(usual, 2 + Math.max(...coefficients.map(({ next }) => next.history.length)));

/** The matrix f32 [k + 1, k + 1] of every call. */
export function mixings({ coefficients }: LinearScheduler, slots: number): HostTensor<'f32'>[] {
  return coefficients.map((step, i) => mixing(step, coefficients[i + 1]?.inputScale ?? 0, slots));
}

function mixing(
  { kept: keep, clean, from, next, remember }: StepCoefficients,
  nextInputScale: number,
  slots: number,
): HostTensor<'f32'> {
  const unit = (at: number) => Array.from({ length: slots + 1 }, (_, column) => Number(column === at));
  const mix = (...terms: readonly (readonly [weight: number, row: readonly number[]])[]) =>
    unit(-1).map((_, column) => terms.reduce((sum, [weight, row]) => sum + weight * row[column], 0));
  const [sample, previous, prediction] = [0, 1, slots].map(unit);
  const earlier = Array.from({ length: slots - 3 }, (_, j) => unit(2 + j));

  const kept = mix([keep.sample, sample], [keep.output, prediction]);
  const history = [kept, ...earlier];
  const moved = mix(
    [next.sample, from === 'previous' ? previous : sample],
    ...next.history.map((weight, j) => [weight, history[j]] as const),
  );
  const rows = [
    moved,
    sample,
    ...(remember ? history : earlier.concat([unit(-1)])).slice(0, earlier.length),
    mix([clean.sample, sample], [clean.output, prediction]),
    mix([nextInputScale, moved]),
  ];
  return tensor('f32', [slots + 1, slots + 1], rows.flat());
}
