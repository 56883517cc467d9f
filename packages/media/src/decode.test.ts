import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { random } from '@emu-ts/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  abortAfter,
  animations,
  bytesOf,
  codeOf,
  hashImage,
  picture,
  pillow,
  pixels,
} from '../test/fixtures.js';
import { sharpCodec } from './codec/sharp.js';
import { DEFAULT_MAX_PIXELS, decodeImage, encodePng, imageInfo } from './decode.js';
import { MediaError } from './error.js';
import { pixelsToRgb, type RgbImage } from './rgb-image.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'media-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const put = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
};

/** Differences to Pillow that are wanted or out of our hands: see the README. */
const differs = new Set(['grey16.png', 'picture.avif']);

describe('decodeImage equals Pillow', () => {
  const same = Object.entries(pillow).filter(([name]) => !differs.has(name));

  it.each(same)('%s', async (name, { width, height, rgb }) => {
    const image = await decodeImage(picture(name), { autoOrient: false });
    expect([image.width, image.height]).toEqual([width, height]);
    expect(image.data).toEqual(pixels(rgb));
  });

  it('but for 16-bit grey, which Pillow clips to white: here the high byte', async () => {
    const { data } = await decodeImage(picture('grey16.png'));
    const samples = await sharp(picture('grey16.png'))
      .toColourspace('grey16')
      .raw({ depth: 'ushort' })
      .toBuffer();
    const high = new Uint16Array(samples.buffer, samples.byteOffset, samples.length / 2).map((v) => v >> 8);
    expect([...data]).toEqual([...high].flatMap((v) => [v, v, v]));
    const clipped = pixels(pillow['grey16.png'].rgb);
    expect(clipped.filter((v) => v === 255).length).toBeGreaterThan(0.9 * clipped.length);
  });

  it('but for AVIF, whose decoders round YUV to RGB each in its own way', async () => {
    const { data } = await decodeImage(picture('picture.avif'));
    const wanted = pixels(pillow['picture.avif'].rgb);
    expect(Math.max(...data.map((v, i) => Math.abs(v - wanted[i])))).toBeLessThanOrEqual(1);
  });

  it('sees the first frame of an animation', async () => {
    for (const [name, { onWhite }] of Object.entries(animations)) {
      const image = await decodeImage(picture(name), { background: [255, 255, 255] });
      expect(image.data, name).toEqual(pixels(onWhite[0]));
    }
  });
});

describe('decodeImage', () => {
  it('turns a picture by its EXIF orientation unless told not to', async () => {
    const upright = await decodeImage(picture('exif-1.jpg'));
    const at = ({ width, data }: RgbImage, x: number, y: number) => [
      ...data.subarray((y * width + x) * 3).subarray(0, 3),
    ];
    const { width: w, height: h } = upright;
    const stored = (turn: number, x: number, y: number): [number, number] =>
      [
        [x, y],
        [w - 1 - x, y],
        [w - 1 - x, h - 1 - y],
        [x, h - 1 - y],
        [y, x],
        [y, h - 1 - x],
        [w - 1 - y, h - 1 - x],
        [w - 1 - y, x],
      ][turn - 1] as [number, number];
    for (let turn = 1; turn <= 8; turn++) {
      const image = await decodeImage(picture(`exif-${turn}.jpg`));
      expect([image.width, image.height], `${turn}`).toEqual(turn > 4 ? [h, w] : [w, h]);
      for (let y = 0; y < image.height; y++) {
        for (let x = 0; x < image.width; x++)
          expect(at(image, x, y)).toEqual(at(upright, ...stored(turn, x, y)));
      }
      const raw = await decodeImage(picture(`exif-${turn}.jpg`), { autoOrient: false });
      expect(raw.data).toEqual(upright.data);
    }
  });

  it('reads paths, file addresses, bytes, buffers and Blobs alike', async () => {
    const bytes = bytesOf(picture('rgb.png'));
    const wanted = pixels(pillow['rgb.png'].rgb);
    const padded = new Uint8Array(bytes.length + 7);
    padded.set(bytes, 7);
    const sources = [
      picture('rgb.png'),
      pathToFileURL(picture('rgb.png')),
      pathToFileURL(picture('rgb.png')).href,
      bytes,
      padded.subarray(7),
      bytes.buffer as ArrayBuffer,
      new Blob([bytes as Uint8Array<ArrayBuffer>]),
    ];
    for (const source of sources) expect((await decodeImage(source)).data).toEqual(wanted);
  });

  it('drops alpha, or composites on a background', async () => {
    const source = picture('rgba.png');
    const rgba = await sharp(source).raw().toBuffer();
    const dropped = await decodeImage(source);
    const white = await decodeImage(source, { background: [255, 255, 255] });
    for (let i = 0; i < dropped.data.length; i++) {
      const [sample, alpha] = [rgba[Math.floor(i / 3) * 4 + (i % 3)], rgba[Math.floor(i / 3) * 4 + 3]];
      expect(dropped.data[i]).toBe(sample);
      expect(white.data[i]).toBe(Math.round((sample * alpha + 255 * (255 - alpha)) / 255));
    }
  });

  it('reads an interlaced PNG', async () => {
    const image = hashImage(33, 21);
    const png = await sharp(image.data, { raw: { width: 33, height: 21, channels: 3 } })
      .png({ progressive: true })
      .toBuffer();
    expect((await decodeImage(png)).data).toEqual(image.data);
  });

  it('reads a picture 20,000 pixels wide', async () => {
    const wide = hashImage(20_000, 60);
    const png = await put('wide.png', await encodePng(wide));
    const read = await decodeImage(png);
    expect([read.width, read.height, Buffer.compare(read.data, wide.data)]).toEqual([20_000, 60, 0]);
    await expect(decodeImage(png, { maxPixels: 1_199_999 })).rejects.toThrow(
      /wide.png" has 20000 × 60 = 1200000 pixels, more than the 1199999 allowed. Raise maxPixels/,
    );
  });

  it('refuses a picture that claims to be huge before decoding it', async () => {
    const bytes = bytesOf(picture('rgb.png'));
    new DataView(bytes.buffer).setUint32(16, 20_000);
    new DataView(bytes.buffer).setUint32(20, 20_000);
    const codec = { ...sharpCodec(), decode: () => Promise.reject(new Error('decoded')) };
    expect(20_000 * 20_000).toBeGreaterThan(DEFAULT_MAX_PIXELS);
    expect(await codeOf(decodeImage(bytes, { codec }))).toBe('IMAGE_TOO_LARGE');
    // Allowed, it still does not decode: the header's checksum is wrong now.
    expect(await codeOf(decodeImage(bytes, { maxPixels: 5e8 }))).toBe('CORRUPT_IMAGE');
  });

  it('refuses a file of too many bytes before reading it', async () => {
    const source = await put('long.png', new Uint8Array(3000));
    await expect(decodeImage(source, { maxBytes: 2000 })).rejects.toThrow(
      /has 0.0 MiB, more than the 0.0 MiB allowed/,
    );
    expect(await codeOf(decodeImage(new Blob([new Uint8Array(3000)]), { maxBytes: 2000 }))).toBe(
      'IMAGE_TOO_LARGE',
    );
  });

  it.each([
    [
      'a text file named .png',
      'notes.png',
      'hello, this is text',
      'NOT_AN_IMAGE',
      /notes.png" is not an image: it holds text/,
    ],
    ['an empty file', 'empty.png', '', 'EMPTY', /empty.png" is empty \(0 bytes\), wanted PNG/],
    ['an SVG', 'drawing.png', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'UNSUPPORTED_IMAGE', /is SVG/],
  ])('refuses %s', async (_, name, content, code, message) => {
    const work = decodeImage(await put(name, content));
    await expect(work).rejects.toThrow(message);
    expect(await codeOf(work)).toBe(code);
  });

  it.each(['rgb.png', 'progressive.jpg', 'rgb-420.jpg', 'lossy.webp', 'moving.gif', 'picture.avif'])(
    'refuses half of %s',
    async (name) => {
      const bytes = bytesOf(picture(name));
      const half = await put(`half-${name}`, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
      expect(await codeOf(decodeImage(half))).toBe('TRUNCATED_IMAGE');
    },
  );

  it.each(['rgb.png', 'rgb-420.jpg', 'rgba.webp', 'moving.gif', 'picture.avif'])(
    'answers or throws a typed error for 200 mutations of %s',
    async (name) => {
      const bytes = bytesOf(picture(name));
      for (let seed = 0; seed < 200; seed++) {
        const mutated = bytes.slice();
        const draws = random(seed).bits(4);
        for (const draw of draws) mutated[draw % mutated.length] ^= draw >>> 24;
        try {
          await decodeImage(mutated, { maxPixels: 1e6 });
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }
    },
  );

  it('names what is wrong with a path', async () => {
    await expect(decodeImage(path.join(folder, 'absent.png'))).rejects.toThrow(
      /Could not read .*absent.png": there is no such file/,
    );
    await expect(decodeImage(folder)).rejects.toThrow(/it is not a file/);
    await expect(decodeImage('https://example.org/a.png')).rejects.toThrow(
      /Got the address .* wanted a path/,
    );
    expect(await codeOf(decodeImage(7 as unknown as string))).toBe('BAD_ARGUMENT');
    for (const maxPixels of [0, -1, 1.5, Number.NaN]) {
      expect(await codeOf(decodeImage(picture('rgb.png'), { maxPixels }))).toBe('BAD_ARGUMENT');
    }
    expect(await codeOf(decodeImage(picture('rgb.png'), { maxPixels: Number.POSITIVE_INFINITY }))).toBe(
      'no error',
    );
    expect(await codeOf(decodeImage(await put('a:b.png', bytesOf(picture('rgb.png')))))).toBe('no error');
  });

  it('rejects with the abort reason wherever the abort falls', async () => {
    const sources = [picture('rgb.png'), new Blob([bytesOf(picture('cmyk.jpg')) as Uint8Array<ArrayBuffer>])];
    for (const source of sources) {
      const outcomes: string[] = [];
      for (let turns = 0; (outcomes.at(-1) ?? 'AbortError').startsWith('AbortError'); turns++) {
        outcomes.push(await codeOf(decodeImage(source, { signal: abortAfter(turns) })));
      }
      expect(outcomes.length).toBeGreaterThan(2);
      expect(outcomes.at(-1)).toBe('no error');
    }
    const reason = new Error('enough');
    await expect(decodeImage(picture('rgb.png'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('imageInfo', () => {
  it('needs no decoder', async () => {
    expect(await imageInfo(picture('moving.webp'))).toEqual({
      format: 'webp',
      width: 16,
      height: 12,
      frames: 5,
    });
  });
});

describe('encodePng', () => {
  it('writes what decodes to the same pixels', async () => {
    const image = hashImage(37, 19);
    const png = await encodePng(image);
    expect(await imageInfo(png)).toEqual({ format: 'png', width: 37, height: 19, frames: 1 });
    expect(await decodeImage(png)).toEqual(image);
  });

  it('refuses a picture whose data does not fit, and stops when aborted', async () => {
    expect(() => encodePng({ width: 2, height: 2, data: new Uint8Array(16) })).toThrow(
      /2 × 2 holds 12 bytes, got 16/,
    );
    expect(await codeOf(encodePng(hashImage(3, 3), { signal: AbortSignal.abort() }))).toMatch(/^AbortError/);
  });
});

describe('pixelsToRgb', () => {
  it('reads one to four channels', () => {
    const at = (channels: 1 | 2 | 3 | 4, data: number[]) => [
      ...pixelsToRgb({ width: 1, height: 1, channels, data: new Uint8Array(data) }, [255, 0, 0]).data,
    ];
    expect(at(1, [9])).toEqual([9, 9, 9]);
    expect(at(2, [100, 0])).toEqual([255, 0, 0]);
    expect(at(3, [1, 2, 3])).toEqual([1, 2, 3]);
    expect(at(4, [100, 100, 100, 51])).toEqual([224, 20, 20]);
    expect(() => at(3, [1])).toThrow(/3 channels are 3 bytes, got 1/);
  });
});
