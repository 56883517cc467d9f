import type { Dimensions, HeaderReader } from './reader.js';

/** Walks the chunks to IEND. Animated PNG counts as its default image. */
export function probePng(file: HeaderReader): Dimensions {
  if (file.code(12, 'IHDR chunk') !== 'IHDR') throw file.corrupt('its first chunk is not IHDR');
  for (let at = 8; ; ) {
    const length = file.u32(at, 'chunk header');
    const type = file.code(at + 4, 'chunk header');
    file.need(at, length + 12, `${type} chunk`);
    if (type === 'IEND') break;
    at += length + 12;
  }
  return { width: file.u32(16, 'IHDR chunk'), height: file.u32(20, 'IHDR chunk'), frames: 1 };
}
