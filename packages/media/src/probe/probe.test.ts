import { random } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { animations, bytesOf, picture, pillow, video } from '../../test/fixtures.js';
import { MediaError } from '../error.js';
import { sniff } from '../sniff.js';
import { probeImage } from './probe.js';

const text = (string: string) => new TextEncoder().encode(string);
const formats: Record<string, string> = { png: 'png', jpg: 'jpeg', webp: 'webp', gif: 'gif', avif: 'avif' };
const samples = [
  'rgb.png',
  'progressive.jpg',
  'lossy.webp',
  'rgba.webp',
  'moving.webp',
  'moving.gif',
  'picture.avif',
];

describe('probeImage', () => {
  it.each(Object.entries(pillow))('reads format and size of %s', (name, { width, height }) => {
    const format = formats[name.split('.')[1]];
    expect(probeImage(bytesOf(picture(name)))).toEqual({ format, width, height, frames: 1 });
  });

  it.each(Object.entries(animations))('counts the frames of %s', (name, { width, height, onWhite }) => {
    expect(probeImage(bytesOf(picture(name)))).toMatchObject({ width, height, frames: onWhite.length });
  });

  it.each(samples)('calls every cut of %s truncated, damaged or unknown, never fine', (name) => {
    const bytes = bytesOf(picture(name));
    const tail = name.endsWith('.gif') ? 2 : 1; // a GIF may lack its last byte, the trailer
    for (let length = 0; length <= bytes.length - tail; length++) {
      const code = codeOf(() => probeImage(bytes.subarray(0, length)));
      // A GIF that ends between two frames is a shorter animation.
      const whole = name.endsWith('.gif') && code === undefined;
      if (!whole)
        expect(['EMPTY', 'NOT_AN_IMAGE', 'TRUNCATED_IMAGE', 'CORRUPT_IMAGE'], `${length}`).toContain(code);
      if (length > 40 && !whole) expect(code, `${length} bytes`).toBe('TRUNCATED_IMAGE');
    }
  });

  it.each(samples)('survives 2,000 mutations of %s with a typed error or an answer', (name) => {
    const bytes = bytesOf(picture(name));
    for (let seed = 0; seed < 2000; seed++) {
      const draws = random(seed).bits(8);
      const mutated = bytes.slice(0, seed % 3 === 0 ? draws[0] % (bytes.length + 1) : bytes.length);
      for (let k = 1; k < 8 && mutated.length; k++)
        mutated[draws[k] % Math.min(mutated.length, 200)] ^= draws[k] >>> 24;
      try {
        const { width, height, frames } = probeImage(mutated);
        expect(Math.min(width, height, frames)).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
      }
    }
  });

  it('says both sides', () => {
    const cut = bytesOf(picture('rgb.png')).subarray(0, 300);
    expect(() => probeImage(cut, '"a.png"')).toThrow(
      /"a.png" has 300 bytes, but its IDAT chunk reaches to byte 6\d\d/,
    );
    expect(() => probeImage(text('hello'), '"a.png"')).toThrow(
      '"a.png" is not an image: it holds text ("hello"), wanted PNG, JPEG, WebP, GIF or AVIF.',
    );
    expect(() => probeImage(new Uint8Array(0))).toThrow('empty (0 bytes)');
    expect(() => probeImage(bytesOf(video('square.mp4')))).toThrow(/is a video \(mov\).*Use openVideo/);
    expect(() => probeImage(text('II*\0 and more'))).toThrow(/is TIFF, wanted PNG/);
  });
});

describe('sniff', () => {
  it.each([
    ['square.mp4', 'mov'],
    ['square.webm', 'matroska'],
    ['two-sizes.mkv', 'matroska'],
  ])('knows the container of %s', (name, format) => {
    expect(sniff(bytesOf(video(name)))).toEqual({ kind: 'video', format });
  });

  it.each([
    ['RIFF....AVI LIST', { kind: 'video', format: 'avi' }],
    ['FLV\u0001....', { kind: 'video', format: 'flv' }],
    ['OggS....', { kind: 'video', format: 'ogg' }],
    [`G${'.'.repeat(187)}`.repeat(3), { kind: 'video', format: 'mpegts' }],
    ['....moov........', { kind: 'video', format: 'mov' }],
    ['\0\0\0\u0014ftypheic........', { kind: 'picture', name: 'HEIC' }],
    ['BM........................', { kind: 'picture', name: 'BMP' }],
    ['8BPS....', { kind: 'picture', name: 'Photoshop' }],
    ['\0\0\u0001\0....', { kind: 'picture', name: 'ICO' }],
    ['<?xml version="1.0"?>\n<svg xmlns="">', { kind: 'picture', name: 'SVG' }],
    ['BM is how this text begins', { kind: 'picture', name: 'BMP' }],
    ['#EXTM3U\nfile:///etc/passwd', { kind: 'other', description: 'text ("#EXTM3U\\nfile:///etc/pass")' }],
    ['\u0001\u0002\u0003', { kind: 'other', description: 'unknown data (01 02 03)' }],
  ])('%j', (head, wanted) => {
    expect(sniff(text(head))).toEqual(wanted);
  });
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as MediaError).code;
  }
}
