import { describe, expect, it } from 'vitest';
import { hashImage } from '../../test/fixtures.js';
import type { RgbImage } from '../rgb-image.js';
import { ppmReader } from './ppm.js';

const ppm = ({ width, height, data }: RgbImage) =>
  new Uint8Array([...new TextEncoder().encode(`P6\n${width} ${height}\n255\n`), ...data]);

describe('ppmReader', () => {
  const images = [hashImage(3, 2), hashImage(1, 1), hashImage(5, 4)];
  const stream = new Uint8Array(images.flatMap((image) => [...ppm(image)]));

  it.each([1, 2, 7, 13, 1000])('cuts a stream that comes in pieces of %i bytes', (size) => {
    const seen: RgbImage[] = [];
    const push = ppmReader((image) => seen.push(image));
    for (let at = 0; at < stream.length; at += size) push(stream.subarray(at, at + size));
    expect(seen).toEqual(images);
  });

  it('refuses anything else', () => {
    expect(() => ppmReader(() => {})(new Uint8Array(100).fill(65))).toThrow(/something else than PPM/);
  });
});
