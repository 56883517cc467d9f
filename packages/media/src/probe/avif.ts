import type { Dimensions, HeaderReader } from './reader.js';

interface Box {
  readonly type: string;
  /** First byte of the content. */
  readonly start: number;
  readonly end: number;
}

function* boxes(file: HeaderReader, from: number, to: number): Generator<Box> {
  for (let at = from; at + 8 <= to; ) {
    const short = file.u32(at, 'box header');
    const type = file.code(at + 4, 'box header');
    const long = short === 1;
    const length = long
      ? file.u32(at + 8, 'box header') * 2 ** 32 + file.u32(at + 12, 'box header')
      : short || to - at; // 0: to the end
    const header = long ? 16 : 8;
    if (length < header) throw file.corrupt(`its ${JSON.stringify(type)} box says it has ${length} bytes`);
    file.need(at, length, `${JSON.stringify(type)} box`);
    yield { type, start: at + header, end: at + length };
    at += length;
  }
}

/** `meta/iprp/ipco/ispe` holds the sizes of the stored images; tiles, alpha and thumbnails are never larger. */
export function probeAvif(file: HeaderReader): Dimensions {
  let width = 0;
  let height = 0;
  let hasData = false;
  const visit = (from: number, to: number, path: readonly string[]) => {
    for (const { type, start, end } of boxes(file, from, to)) {
      hasData ||= type === 'mdat' || type === 'idat';
      if (type !== path[0]) continue;
      if (type === 'ispe') {
        width = Math.max(width, file.u32(start + 4, 'ispe box'));
        height = Math.max(height, file.u32(start + 8, 'ispe box'));
      } else visit(type === 'meta' ? start + 4 : start, end, path.slice(1));
    }
  };
  visit(0, file.size, ['meta', 'iprp', 'ipco', 'ispe']);
  if (!hasData) throw file.endsBefore('its picture data');
  if (width === 0) throw file.corrupt('it says no size');
  return { width, height, frames: 1 };
}
