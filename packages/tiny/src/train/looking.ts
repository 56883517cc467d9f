import type { CallOptions } from '@emu-ts/base';
import type { RgbImage } from '@emu-ts/media';
import { openEyes } from '../model/eyes.js';
import type { StageWeights, Workshop } from './stage.js';

/** Eyes for as long as a stage lasts, and what closes them and the weights they came from. */
export async function looking(
  { executor }: Pick<Workshop, 'executor'>,
  parts: Parameters<typeof openEyes>[0],
  weights: StageWeights,
  options: CallOptions,
) {
  const eyes = await openEyes(parts, { ...options, executor, source: weights });
  return {
    see: (pictures: readonly RgbImage[]) => eyes.see(pictures, options),
    async close() {
      await eyes[Symbol.asyncDispose]();
      await weights.close();
    },
  };
}
