import type { Dimensions, HeaderReader } from './reader.js';

const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** The offset behind a run of data sub-blocks. */
function skipBlocks(file: HeaderReader, at: number, what: string): number {
  for (;;) {
    const length = file.u8(at, what);
    file.need(at, length + 1, what);
    at += length + 1;
    if (length === 0) return at;
  }
}

/** Walks the blocks. A missing trailer is forgiven, a block cut short is not. */
export function probeGif(file: HeaderReader): Dimensions {
  let width = file.u16(6, 'screen descriptor', true);
  let height = file.u16(8, 'screen descriptor', true);
  const screen = width > 0 && height > 0;
  let at = 13 + tableBytes(file.u8(10, 'screen descriptor'));
  let frames = 0;
  file.need(0, at, 'global colour table');
  while (at < file.size) {
    const introducer = file.bytes[at];
    if (introducer === 0x3b) break;
    if (introducer === 0x21) at = skipBlocks(file, at + 2, 'extension');
    else if (introducer === 0x2c) {
      const what = `frame ${frames}`;
      if (!screen) {
        width = Math.max(width, file.u16(at + 1, what, true) + file.u16(at + 5, what, true));
        height = Math.max(height, file.u16(at + 3, what, true) + file.u16(at + 7, what, true));
      }
      at = skipBlocks(file, at + 11 + tableBytes(file.u8(at + 9, what)), what);
      frames++;
    } else if (frames > 0)
      break; // decoders stop here and keep what they have
    else throw file.corrupt(`byte ${at} begins no block`);
  }
  if (frames === 0)
    throw at < file.size ? file.corrupt('it holds no picture') : file.endsBefore('its first frame');
  return { width, height, frames };
}
