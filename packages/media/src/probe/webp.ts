import type { Dimensions, HeaderReader } from './reader.js';

/** RIFF says how long the file is; the first chunk (lossy, lossless or extended) says how large the canvas is. */
export function probeWebp(file: HeaderReader): Dimensions {
  const end = file.u32(4, 'RIFF header', true) + 8;
  file.need(0, end, 'RIFF container');
  const type = file.code(12, 'first chunk');
  if (type === 'VP8X') {
    return {
      width: file.u24le(24, 'VP8X chunk') + 1,
      height: file.u24le(27, 'VP8X chunk') + 1,
      frames: Math.max(1, countChunks(file, end, 'ANMF')),
    };
  }
  if (type === 'VP8L') {
    if (file.u8(20, 'VP8L chunk') !== 0x2f) throw file.corrupt('its lossless stream has no signature');
    const bits = file.u32(21, 'VP8L chunk', true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, frames: 1 };
  }
  if (type !== 'VP8 ') throw file.corrupt(`its first chunk is ${JSON.stringify(type)}`);
  if (file.u24le(23, 'VP8 chunk') !== 0x2a019d) throw file.corrupt('its lossy stream has no start code');
  return {
    width: file.u16(26, 'VP8 chunk', true) & 0x3fff,
    height: file.u16(28, 'VP8 chunk', true) & 0x3fff,
    frames: 1,
  };
}

function countChunks(file: HeaderReader, end: number, wanted: string): number {
  let count = 0;
  for (let at = 12; at + 8 <= end; ) {
    const type = file.code(at, 'chunk header');
    const length = file.u32(at + 4, 'chunk header', true);
    file.need(at, length + 8, `${type} chunk`);
    if (type === wanted) count++;
    at += 8 + length + (length % 2);
  }
  return count;
}
