import { SequenceError } from './error.js';
import type { SequenceTokens } from './tokens.js';

/**
 * Where the images are: the position of the first `<image>` of each.
 *
 * @throws SequenceError `IMAGE_COUNT` when some `<image>` are not `queries` in a row between `[IMG]` and `[/IMG]`.
 */
export function imageRuns(ids: ArrayLike<number>, tokens: SequenceTokens, queries: number): number[] {
  const starts: number[] = [];
  for (let at = 0; at < ids.length; at++) {
    if (ids[at] !== tokens.image) continue;
    let stop = at;
    while (stop < ids.length && ids[stop] === tokens.image) stop++;
    if (stop - at !== queries || ids[at - 1] !== tokens.imageOpen || ids[stop] !== tokens.imageClose) {
      throw new SequenceError(
        'IMAGE_COUNT',
        `At position ${at} there are ${stop - at} <image> in a row; an image is [IMG], ${queries} <image> and [/IMG].`,
        { got: stop - at, wanted: queries, hint: 'Give images as image elements, not as <image> in text.' },
      );
    }
    starts.push(at);
    at = stop;
  }
  return starts;
}
