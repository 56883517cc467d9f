import { EmuError, strip } from '@emu-ts/base';
import type { Part } from '@emu-ts/sequence';

/** A picture and when it is shown, in seconds. */
export interface TimedFrame<I> {
  readonly time: number;
  readonly image: I;
}

/** Words and when they begin, in seconds. */
export interface Subtitle {
  readonly start: number;
  readonly end?: number | undefined;
  readonly text: string;
}

/** Pictures at equal intervals from time 0; the interval is as long as it is, never rounded to seconds. */
export const evenFrames = <I>(images: readonly I[], interval: number): TimedFrame<I>[] => {
  if (interval > 0 && Number.isFinite(interval))
    return images.map((image, i) => ({ time: i * interval, image }));
  throw new EmuError(
    'TIMELINE',
    `Got an interval of ${interval} seconds between frames, wanted a positive one.`,
  );
};

/**
 * Pictures and subtitles by time, as a storyboard is read: each part holds the words spoken before its picture, and
 * words after the last picture are a part without one. At equal times the picture comes first. Neither list has to be
 * sorted; pictures of one time keep their order.
 */
export function mergeTimeline<I>(
  frames: readonly TimedFrame<I>[],
  subtitles: readonly Subtitle[],
): Part<I>[] {
  const spoken = [...subtitles].sort((a, b) => a.start - b.start);
  const shown = [...frames].sort((a, b) => a.time - b.time);
  const parts: Part<I>[] = [];
  let next = 0;
  const wordsBefore = (time: number): string => {
    const words: string[] = [];
    for (; next < spoken.length && spoken[next].start < time; next++) words.push(strip(spoken[next].text));
    return words.filter((word) => word !== '').join(' ');
  };
  for (const { time, image } of shown) parts.push({ text: wordsBefore(time), image });
  const rest = wordsBefore(Number.POSITIVE_INFINITY);
  return rest === '' ? parts : [...parts, { text: rest }];
}
