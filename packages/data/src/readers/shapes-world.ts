import { EmuError } from '@emu-ts/base';
import type { RgbImage } from '@emu-ts/media';
import { drawSample, type ShapesSample } from '../shapes/sample.js';
import { makeSample, type ShapesOptions } from '../shapes/tasks/index.js';
import { type DataSource, mapSource } from '../stream/source.js';

export interface ShapesSourceOptions extends ShapesOptions {
  /** Side of the pictures in pixels; 64 by default. */
  readonly size?: number | undefined;
  /** Samples in all, over all processes; endless by default. */
  readonly count?: number | undefined;
  readonly rank?: number | undefined;
  readonly worldSize?: number | undefined;
}

/** The shapes world as one more source: its position is the number of the next sample. */
export const shapesSource = (options: ShapesSourceOptions): DataSource<ShapesSample<RgbImage>> =>
  mapSource(sampleSource(options), (index) => drawSample(makeSample(options, index), options.size));

/** Numbers of samples, as they are shared out. */
export const sampleSource = ({
  count = Number.POSITIVE_INFINITY,
  rank = 0,
  worldSize = 1,
}: ShapesSourceOptions): DataSource<number> => ({
  async *open(position, { signal } = {}) {
    const start = position === undefined ? rank : position;
    if (
      typeof start !== 'number' ||
      !Number.isSafeInteger(start) ||
      start < 0 ||
      start % worldSize !== rank
    ) {
      throw new EmuError(
        'STREAM_POSITION',
        `Got ${JSON.stringify(position)}, wanted the number of a sample of process ${rank} of ${worldSize}.`,
      );
    }
    for (let index = start; index < count; index += worldSize) {
      signal?.throwIfAborted();
      yield { value: index, position: index + worldSize, place: { file: 'shapes world', row: index } };
    }
  },
});
