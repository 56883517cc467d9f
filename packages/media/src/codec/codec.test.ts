import { describe, expect, it } from 'vitest';
import { bytesOf, codeOf, hashImage, picture } from '../../test/fixtures.js';
import { decodeImage, encodePng } from '../decode.js';
import { browserCodec, type CanvasHost } from './browser.js';
import { sharpCodec } from './sharp.js';

describe('sharpCodec', () => {
  it('says how to install sharp where it is missing', async () => {
    const absent = 'sharp-is-not-installed-here';
    const codec = sharpCodec({ load: () => import(/* @vite-ignore */ absent) });
    const work = decodeImage(picture('rgb.png'), { codec });
    await expect(work).rejects.toThrow(
      /decoded by sharp, which did not load .*Install it: npm install sharp/,
    );
    expect(await codeOf(work)).toBe('SHARP_MISSING');
    expect(await codeOf(encodePng(hashImage(2, 2), { codec }))).toBe('SHARP_MISSING');
  });
});

/** A window that keeps pictures as text and pixels as they are, and counts what is open. */
function fakeHost({ alpha = 255, fail = false } = {}) {
  const image = hashImage(5, 4);
  const asked: object[] = [];
  const files: Blob[] = [];
  let open = 0;
  let pixels: Uint8ClampedArray = new Uint8ClampedArray(0);
  const context = {
    drawImage() {
      pixels = new Uint8ClampedArray(5 * 4 * 4).map((_, i) =>
        i % 4 === 3 ? alpha : image.data[((i / 4) | 0) * 3 + (i % 4)],
      );
    },
    getImageData: () => ({ data: pixels }),
    createImageData: (width: number, height: number) => ({ data: new Uint8ClampedArray(width * height * 4) }),
    putImageData(data: { data: Uint8ClampedArray }) {
      pixels = data.data;
    },
  };
  const host: CanvasHost = {
    async createImageBitmap(file, options) {
      files.push(file);
      asked.push(options);
      if (fail) throw new DOMException('The source image could not be decoded.', 'InvalidStateError');
      open++;
      return { width: 5, height: 4, close: () => open-- };
    },
    OffscreenCanvas: class {
      getContext = () => context;
      convertToBlob = async () => new Blob([pixels as Uint8ClampedArray<ArrayBuffer>]);
    },
  };
  return { host, image, asked, files, open: () => open };
}

describe('browserCodec', () => {
  it('decodes through a bitmap and a canvas, and closes the bitmap', async () => {
    const { host, image, asked, open } = fakeHost();
    const source = bytesOf(picture('rgb.png'));
    expect(await decodeImage(source, { codec: browserCodec(host) })).toEqual(image);
    expect(asked).toEqual([
      { imageOrientation: 'from-image', colorSpaceConversion: 'none', premultiplyAlpha: 'none' },
    ]);
    expect(open()).toBe(0);
  });

  it('hides the EXIF segment of a JPEG that is not to be turned', async () => {
    const { host, files } = fakeHost();
    const source = bytesOf(picture('exif-6.jpg'));
    await decodeImage(source, { codec: browserCodec(host) });
    await decodeImage(source, { codec: browserCodec(host), autoOrient: false });
    const [kept, hidden] = await Promise.all(
      files.map(async (file) => new Uint8Array(await file.arrayBuffer())),
    );
    expect(kept).toEqual(source);
    const changed = [...hidden.keys()].filter((at) => hidden[at] !== source[at]);
    expect(changed).toEqual([Buffer.from(source).indexOf('Exif')]);
    // A decoder that looks for the segment no longer finds it.
    expect((await decodeImage(hidden)).width).toBe(16);
    expect((await decodeImage(kept)).width).toBe(12);
  });

  it('encodes opaque pixels', async () => {
    const { host, image } = fakeHost();
    const rgba = await encodePng(image, { codec: browserCodec(host) });
    expect(rgba).toHaveLength(5 * 4 * 4);
    expect([...rgba.subarray(0, 8)]).toEqual([
      ...image.data.subarray(0, 3),
      255,
      ...image.data.subarray(3, 6),
      255,
    ]);
  });

  it('turns failures into typed errors', async () => {
    const source = bytesOf(picture('rgb.png'));
    const decode = (host: CanvasHost) => codeOf(decodeImage(source, { codec: browserCodec(host) }));
    expect(await decode(fakeHost({ fail: true }).host)).toBe('CORRUPT_IMAGE');
    expect(await decode({})).toBe('UNSUPPORTED_RUNTIME');
    const { createImageBitmap } = fakeHost().host;
    expect(await decode({ createImageBitmap } as CanvasHost)).toBe('UNSUPPORTED_RUNTIME');
    expect(await codeOf(encodePng(hashImage(2, 2), { codec: browserCodec({}) }))).toBe('UNSUPPORTED_RUNTIME');
  });

  it('closes the bitmap of an aborted call too', async () => {
    const { host, open } = fakeHost();
    const controller = new AbortController();
    const signal = controller.signal;
    const work = decodeImage(bytesOf(picture('rgb.png')), { codec: browserCodec(host), signal });
    queueMicrotask(() => queueMicrotask(() => controller.abort()));
    expect(await codeOf(work)).toMatch(/^AbortError/);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(open()).toBe(0);
  });
});
