import type { Dimensions, HeaderReader } from './reader.js';

/** Start-of-frame markers: C0 to CF but DHT (C4), JPG (C8) and DAC (CC). */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
/** Markers without a length: TEM, RST0 to RST7, SOI. */
const isBare = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** Walks the segments to the first scan, then wants an end-of-image marker behind it. */
export function probeJpeg(file: HeaderReader): Dimensions {
  let size: { width: number; height: number } | undefined;
  for (let at = 2; ; ) {
    if (file.u8(at, 'segment marker') !== 0xff) throw file.corrupt(`byte ${at} should begin a segment`);
    const marker = file.u8(at + 1, 'segment marker');
    if (marker === 0xff || isBare(marker)) {
      at += marker === 0xff ? 1 : 2; // 0xff may be repeated as padding
      continue;
    }
    if (marker === 0xd9) throw file.corrupt('it ends before its first scan');
    const length = file.u16(at + 2, 'segment length');
    if (length < 2) throw file.corrupt(`the segment at byte ${at} says it has ${length} bytes`);
    file.need(at, length + 2, 'segment');
    if (isFrame(marker)) {
      size = { height: file.u16(at + 5, 'frame header'), width: file.u16(at + 7, 'frame header') };
    }
    at += length + 2;
    if (marker !== 0xda) continue;
    if (!size) throw file.corrupt('it has no frame header');
    if (!hasEnd(file.bytes, at)) throw file.endsBefore('its end-of-image marker');
    return { ...size, frames: 1 };
  }
}

/** In scan data 0xff is always followed by 0x00 or a restart marker, so FF D9 cannot appear by chance. */
function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) return true;
  }
  return false;
}
