import type { CallOptions } from '@emu-ts/base';
import { MediaError } from '../error.js';
import type { RgbImage } from '../rgb-image.js';

/** An open video, animation or folder of frames. Close it: a copy of the file may lie in the temporary folder. */
export interface Video {
  /** Frames that decode, in display order. */
  readonly frameCount: number;
  /** Size of the first frame as it is displayed (rotation applied, pixels taken as square). */
  readonly width: number;
  readonly height: number;
  /**
   * The frames of these indices, in their order; an index may repeat and its picture is then the same object.
   * Progress counts distinct frames.
   * @throws MediaError `FRAME_OUT_OF_RANGE`, `VIDEO_TOO_LARGE`, `CORRUPT_VIDEO`, `VIDEO_CLOSED`.
   */
  frames(indices: readonly number[], options?: CallOptions): Promise<RgbImage[]>;
  /** Ends frames being read and removes what was put on disk. May be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a kind of video has to offer; `makeVideo` adds the checks that all kinds share. */
export interface FrameSource {
  readonly label: string;
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
  /** Reads distinct, ascending frames and hands each over as it comes, in that order. */
  read(indices: readonly number[], onFrame: (image: RgbImage) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** 2^30 / 3: at most 1 GiB of frames at once. */
export const DEFAULT_MAX_VIDEO_PIXELS = Math.floor(2 ** 30 / 3);

export function checkVideoPixels(
  label: string,
  width: number,
  height: number,
  count: number,
  limit: number,
): void {
  const pixels = width * height * count;
  if (pixels <= limit) return;
  throw new MediaError(
    'VIDEO_TOO_LARGE',
    `${label}: ${count} frames of ${width} × ${height} are ${pixels} pixels, more than the ${limit} allowed.`,
    { hint: 'Ask for fewer frames at once, or raise maxPixels.' },
  );
}

export function makeVideo(source: FrameSource, maxPixels: number): Video {
  const { label, frameCount, width, height } = source;
  const closing = new AbortController();
  const running = new Set<Promise<void>>();

  const check = (indices: readonly number[]): void => {
    const wrong = indices.find((index) => !Number.isSafeInteger(index) || index < 0 || index >= frameCount);
    if (wrong === undefined) return;
    throw new MediaError(
      'FRAME_OUT_OF_RANGE',
      `${label} has frames 0 to ${frameCount - 1}, asked for frame ${wrong}.`,
    );
  };

  const frames: Video['frames'] = async (indices, { signal, onProgress } = {}) => {
    signal?.throwIfAborted();
    closing.signal.throwIfAborted();
    check(indices);
    const wanted = [...new Set(indices)].sort((a, b) => a - b);
    checkVideoPixels(label, width, height, wanted.length, maxPixels);
    if (wanted.length === 0) return [];
    const found = new Map<number, RgbImage>();
    const take = (image: RgbImage) => {
      found.set(wanted[found.size], image);
      onProgress?.({ phase: 'frames', loaded: found.size, total: wanted.length });
    };
    const either = signal ? AbortSignal.any([closing.signal, signal]) : closing.signal;
    const reading = source.read(wanted, take, either);
    running.add(reading);
    try {
      await reading;
    } finally {
      running.delete(reading);
    }
    either.throwIfAborted();
    return indices.map((index) => found.get(index) as RgbImage);
  };

  const close = async (): Promise<void> => {
    if (!closing.signal.aborted) {
      closing.abort(new MediaError('VIDEO_CLOSED', `${label} is closed; open it again to read frames.`));
    }
    await Promise.allSettled(running);
    await source.close();
  };
  return { frameCount, width, height, frames, close, [Symbol.asyncDispose]: close };
}
