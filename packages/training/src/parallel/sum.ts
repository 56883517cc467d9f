import { type HostTensor, tensor } from '@emu-ts/base';
import type { Figures, Scalars } from '../loop/programs.js';

export interface BatchGradients {
  readonly figures: Figures;
  readonly gradients: Readonly<Record<string, HostTensor>>;
}

/** Where gradients of several batches are computed at once. */
export interface GradientPool extends AsyncDisposable {
  /**
   * Gradients added up in the order of the batches, so that the sum does not depend on who computed which, and the figures of
   * each batch.
   */
  sum(
    batches: readonly Readonly<Record<string, HostTensor>>[],
    scalars: Scalars,
    signal?: AbortSignal | undefined,
  ): Promise<{ figures: Figures[]; gradients: Record<string, HostTensor> }>;
  /** Lets everyone see the trainer's weights after an update. */
  refresh(updated: readonly string[]): Promise<void>;
}

/** Adds up in order. */
export function added(results: readonly BatchGradients[]): {
  figures: Figures[];
  gradients: Record<string, HostTensor>;
} {
  const gradients: Record<string, HostTensor> = {};
  for (const { gradients: own } of results)
    for (const [name, { shape, data }] of Object.entries(own)) {
      const part = data as Float32Array<ArrayBuffer>;
      const sum = gradients[name]?.data as Float32Array | undefined;
      // A copy: two parameters may have one gradient.
      if (!sum) gradients[name] = tensor('f32', shape, part.slice());
      else for (let i = 0; i < part.length; i++) sum[i] += part[i];
    }
  return { figures: results.map(({ figures }) => figures), gradients };
}
