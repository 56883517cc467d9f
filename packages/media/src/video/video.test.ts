import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { abortAfter, animations, bytesOf, codeOf, hashImage, picture, pixels } from '../../test/fixtures.js';
import { decodeImage, encodePng } from '../decode.js';
import type { RgbImage } from '../rgb-image.js';
import { pieces } from './animation.js';
import { openVideo } from './open-video.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'media-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const white = { background: [255, 255, 255] } as const;

describe('animations', () => {
  it.each(Object.entries(animations))(
    '%s shows every frame on its full canvas',
    async (name, { width, height, onWhite }) => {
      const film = await openVideo(picture(name), white);
      expect([film.frameCount, film.width, film.height]).toEqual([onWhite.length, width, height]);
      const order = [4, 0, 2, 2, 1, 3];
      const frames = await film.frames(order);
      expect(frames.map(({ data }) => data)).toEqual(order.map((index) => pixels(onWhite[index])));
      expect(frames[2]).toBe(frames[3]);
      await film.close();
    },
  );

  it.each(['gif', 'webp'] as const)('a %s made by sharp comes back', async (format) => {
    // Few colours, so that a GIF palette holds them exactly.
    const frames = Array.from({ length: 9 }, (_, n) => {
      const image = hashImage(20, 10, 3);
      for (let i = 0; i < image.data.length; i++) image.data[i] = i % 60 < 6 * n ? 240 : 16;
      return image;
    });
    const strip = Buffer.concat(frames.map(({ data }) => data));
    const raw = sharp(strip, { raw: { width: 20, height: 90, channels: 3, pageHeight: 10 } });
    const bytes = await (format === 'gif'
      ? raw.gif({ delay: 40 })
      : raw.webp({ lossless: true, delay: 40 })
    ).toBuffer();
    const film = await openVideo(bytes);
    expect(film.frameCount).toBe(9);
    expect(await film.frames([0, 8, 5])).toEqual([frames[0], frames[8], frames[5]]);
    await film.close();
  });

  it('are decoded in pieces that span a bounded number of frames', () => {
    expect(pieces([0, 1, 5, 6, 9, 30], 6)).toEqual([[0, 1, 5], [6, 9], [30]]);
    expect(pieces([4, 5, 6], 1)).toEqual([[4], [5], [6]]);
    expect(pieces([], 3)).toEqual([]);
  });

  it('a still GIF or WebP is a video of one frame', async () => {
    const film = await openVideo(picture('lossy.webp'));
    expect(film.frameCount).toBe(1);
    expect(await film.frames([0, 0])).toHaveLength(2);
    await film.close();
  });

  it('a truncated animation is refused', async () => {
    const bytes = bytesOf(picture('moving.gif'));
    expect(await codeOf(openVideo(bytes.subarray(0, 250)))).toBe('TRUNCATED_IMAGE');
  });
});

describe('folders', () => {
  const save = async (name: string, files: Record<string, Uint8Array | string>): Promise<string> => {
    const dir = path.join(folder, name);
    await mkdir(dir);
    await Promise.all(
      Object.entries(files).map(([file, content]) => writeFile(path.join(dir, file), content)),
    );
    return dir;
  };

  it('are read in natural order, other files passed over', async () => {
    const images = [1, 2, 3].map((seed) => hashImage(6, 4, seed));
    const [one, two, three] = await Promise.all(images.map((image) => encodePng(image)));
    const dir = await save('natural', {
      'frame10.png': three,
      'frame2.PNG': two,
      'Frame1.png': one,
      '.frame0.png': three,
      'notes.txt': 'no frame',
    });
    await mkdir(path.join(dir, 'more.png'));
    const film = await openVideo(dir);
    expect([film.frameCount, film.width, film.height]).toEqual([3, 6, 4]);
    expect(await film.frames([0, 1, 2])).toEqual(images);
    await film.close();
  });

  it('report the displayed size of their first picture', async () => {
    const dir = await save('turned', { 'a.jpg': bytesOf(picture('exif-6.jpg')) });
    const film = await openVideo(dir);
    expect([film.width, film.height]).toEqual([12, 16]);
    expect(await film.frames([0])).toEqual([await decodeImage(picture('exif-6.jpg'))]);
    await film.close();
  });

  it('say what is wrong with them', async () => {
    await expect(openVideo(await save('none', { 'a.txt': '' }))).rejects.toThrow(
      /holds 1 entries but no PNG/,
    );
    const dir = await save('bad', { 'a.png': await encodePng(hashImage(2, 2)), 'b.png': 'text' });
    const film = await openVideo(dir);
    await expect(film.frames([1])).rejects.toThrow(/b.png" is not an image/);
    expect(await film.frames([0])).toHaveLength(1);
    await film.close();
  });
});

describe('every video', () => {
  const open = () => openVideo(picture('moving.gif'), white);

  it.each([-1, 5, 1.5, Number.NaN])('refuses frame %d and names the range', async (index) => {
    const film = await open();
    const work = film.frames([0, index]);
    await expect(work).rejects.toThrow(`has frames 0 to 4, asked for frame ${index}.`);
    expect(await codeOf(work)).toBe('FRAME_OUT_OF_RANGE');
    await film.close();
  });

  it('reports progress over distinct frames', async () => {
    const film = await open();
    const seen: string[] = [];
    await film.frames([3, 3, 1], {
      onProgress: ({ phase, loaded, total }) => seen.push(`${phase} ${loaded}/${total}`),
    });
    expect(seen).toEqual(['frames 1/2', 'frames 2/2']);
    expect(await film.frames([])).toEqual([]);
    await film.close();
  });

  it('keeps to its limit of pixels per call', async () => {
    const film = await openVideo(picture('moving.gif'), { maxPixels: 16 * 12 * 2 });
    expect(await film.frames([0, 4, 4, 0])).toHaveLength(4);
    await expect(film.frames([0, 1, 2])).rejects.toThrow(
      /3 frames of 16 × 12 are 576 pixels, more than the 384 allowed/,
    );
    await film.close();
    expect(await codeOf(openVideo(picture('moving.gif'), { maxPixels: -1 }))).toBe('BAD_ARGUMENT');
  });

  it('stops when aborted or closed, wherever that falls', async () => {
    const outcomes: string[] = [];
    for (let turns = 0; (outcomes.at(-1) ?? 'AbortError').startsWith('AbortError'); turns++) {
      const work = async () => {
        const signal = abortAfter(turns);
        const film = await openVideo(picture('moving.gif'), { signal });
        return film.frames([0, 1, 2, 3, 4], { signal }).finally(film.close);
      };
      outcomes.push(await codeOf(work()));
    }
    expect(outcomes.at(-1)).toBe('no error');

    const film = await open();
    const reading: Promise<RgbImage[]> = film.frames([0, 1, 2, 3, 4]);
    const closing = film.close();
    expect(await codeOf(reading)).toBe('VIDEO_CLOSED');
    await closing;
    await film.close();
    expect(await codeOf(film.frames([0]))).toBe('VIDEO_CLOSED');
  });

  it('is disposed by `await using`', async () => {
    let kept: Awaited<ReturnType<typeof open>>;
    {
      await using film = await open();
      kept = film;
    }
    expect(await codeOf(kept.frames([0]))).toBe('VIDEO_CLOSED');
  });

  it.each([
    ['a still picture', () => picture('rgb.png'), /rgb.png" is a still picture \(png\), wanted a video/],
    [
      'a text file',
      async () => {
        const file = path.join(folder, 'text.mp4');
        await writeFile(file, '#EXTM3U\nfile:///etc/passwd');
        return file;
      },
      /text.mp4" is not a video: it holds text/,
    ],
    ['nothing', async () => new Uint8Array(0), /The video is empty \(0 bytes\)/],
    ['an absent file', () => path.join(folder, 'absent.mp4'), /there is no such file or folder/],
    ['a device', () => '/dev/null', /it is not a file/],
    ['a number', () => 3 as unknown as string, /Got number as a source/],
  ])('cannot be %s', async (_, source, message) => {
    await expect(openVideo(await source())).rejects.toThrow(message);
  });
});
