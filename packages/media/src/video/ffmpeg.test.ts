/**
 * Real files through the real ffmpeg. Where it is not on PATH these tests are skipped and counted as such, and
 * EMU_REQUIRE_FFMPEG=1 makes that a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, codeOf, video } from '../../test/fixtures.js';
import type { RgbImage } from '../rgb-image.js';
import { openVideo } from './open-video.js';

const found = ['ffmpeg', 'ffprobe'].every((program) => spawnSync(program, ['-version']).status === 0);
const why = found ? '' : ' (skipped: ffmpeg and ffprobe are not on PATH)';

/** The index that a frame says: its yellow square stands at x = 4 · (index mod 14), y = 5 · ⌊index / 14⌋. */
function indexOf({ width, height, data }: RgbImage): number {
  const isYellow = (pixel: number) => data[pixel * 3] > 140;
  const inside = Array.from({ length: width * height }, (_, pixel) => pixel).filter(isYellow);
  const left = Math.min(...inside.map((pixel) => pixel % width));
  const top = Math.floor(inside[0] / width);
  return Math.round(left / 4) + 14 * Math.round(top / 5);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'media-test-'));
  vi.stubEnv('TMPDIR', scratch);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  expect(await readdir(scratch), 'temporary files left').toEqual([]);
  await rm(scratch, { recursive: true });
  expect(process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap')).toEqual([]);
});

it('is really tested where EMU_REQUIRE_FFMPEG is set', () => {
  if (process.env.EMU_REQUIRE_FFMPEG) expect(found, 'ffmpeg and ffprobe on PATH').toBe(true);
});

describe('without ffmpeg', () => {
  it('says what is missing and how to install it', async () => {
    vi.stubEnv('PATH', path.join(scratch, 'nothing-here'));
    for (const source of [video('square.mp4'), bytesOf(video('square.webm'))]) {
      const work = openVideo(source);
      await expect(work).rejects.toThrow(
        /needs the program "ffprobe", but it was not found. Install ffmpeg \(.*apt install ffmpeg/,
      );
      expect(await codeOf(work)).toBe('FFMPEG_MISSING');
    }
  });

  it('says so of a program that is named but cannot run', async () => {
    const programs = { ffprobe: video('square.mp4') };
    const work = openVideo(video('square.mp4'), { programs });
    await expect(work).rejects.toThrow(/square.mp4", but spawn .* EACCES/);
    expect(await codeOf(work)).toBe('FFMPEG_MISSING');
  });
});

describe.skipIf(!found)(`with ffmpeg${why}`, () => {
  it.each([
    ['square.mp4', 14, [64, 48], 0],
    ['square.webm', 14, [64, 48], 0],
    ['uneven.mp4', 14, [64, 48], 0],
    // Cut at 0.5 s of 10 frames a second: five frames are hidden though their packets are there.
    ['edit-list.mp4', 9, [64, 48], 5],
    ['long.mp4', 80, [64, 48], 0],
  ])('%s: counts the frames and picks each by its index', async (name, count, size, first) => {
    const film = await openVideo(video(name));
    expect([film.frameCount, film.width, film.height]).toEqual([count, ...size]);
    const all = await film.frames(upTo(count));
    expect(all.map(indexOf)).toEqual(upTo(count).map((i) => i + first));
    const some = [count - 1, 0, 3, 3, 6];
    const frames = await film.frames(some);
    expect(frames).toEqual(some.map((index) => all[index]));
    expect(frames[2]).toBe(frames[3]);
    await film.close();
  });

  it('turns a video that asks for it', async () => {
    const film = await openVideo(video('rotated.mp4'));
    expect([film.width, film.height]).toEqual([48, 64]);
    const [frame] = await film.frames([5]);
    expect([frame.width, frame.height]).toEqual([48, 64]);
    await film.close();
  });

  it('keeps counting when frames change size, and scales them to the first size', async () => {
    const film = await openVideo(video('two-sizes.mkv'));
    expect(film.frameCount).toBe(28);
    const frames = await film.frames([3, 17, 27]);
    expect(frames.map(({ width, height }) => [width, height])).toEqual(Array(3).fill([64, 48]));
    expect(frames.map(indexOf)).toEqual([3, 17, 27]);
    await film.close();
  });

  it.each([
    ['eight, as the reference samples them', [4, 14, 25, 34, 45, 54, 64, 74]],
    ['every second one, more than one filter names', upTo(40).map((i) => 2 * i + 1)],
    ['two ends', [0, 79]],
    ['all', upTo(80)],
  ])('picks exactly the frames asked for: %s', async (_, indices) => {
    const film = await openVideo(video('long.mp4'));
    expect((await film.frames(indices)).map(indexOf)).toEqual(indices);
    await film.close();
  });

  it('copies bytes and Blobs to a file that `close` removes', async () => {
    const bytes = bytesOf(video('square.mp4'));
    for (const source of [bytes, bytes.buffer as ArrayBuffer, new Blob([bytes as Uint8Array<ArrayBuffer>])]) {
      const film = await openVideo(source);
      expect(await readdir(scratch)).toHaveLength(1);
      expect((await film.frames([7])).map(indexOf)).toEqual([7]);
      await film.close();
      expect(await readdir(scratch)).toEqual([]);
      await film.close();
    }
  });

  it('reports progress of opening and of frames', async () => {
    const seen: string[] = [];
    const onProgress = ({ phase, loaded, total }: { phase: string; loaded: number; total: number }) =>
      seen.push(`${phase} ${loaded}/${total}`);
    const film = await openVideo(video('square.mp4'), { onProgress });
    expect(seen.at(-1)).toBe('open 14/14');
    await film.frames([2, 9], { onProgress });
    expect(seen.slice(-2)).toEqual(['frames 1/2', 'frames 2/2']);
    await film.close();
  });

  const cut = (name: string, length: number) => bytesOf(video(name)).slice(0, length);
  const flipped = () => {
    const bytes = bytesOf(video('square.mp4'));
    const start = Buffer.from(bytes).indexOf('mdat') + 40;
    for (let at = start; at < bytes.length; at += 17) bytes[at] ^= 0xff;
    return bytes;
  };

  it.each([
    ['cut before its frames', () => cut('square.mp4', 700), /cannot be read \(ffmpeg: .*\)/],
    ['cut among its frames', () => cut('square.mp4', 1800), /is damaged \(ffmpeg: .*/],
    ['a WebM cut among its frames', () => cut('square.webm', 700), /is damaged \(ffmpeg: .*/],
    ['flipped bits', flipped, /is damaged \(ffmpeg: .*/],
  ])('refuses a damaged video: %s', async (_, bytes, message) => {
    const work = openVideo(bytes());
    await expect(work).rejects.toThrow(message);
    expect(await codeOf(work)).toBe('CORRUPT_VIDEO');
  });

  it('uses what decodes of a damaged video where that is allowed', async () => {
    const film = await openVideo(cut('square.webm', 700), { allowDamaged: true });
    expect(film.frameCount).toBeGreaterThan(2);
    expect(film.frameCount).toBeLessThan(14);
    expect((await film.frames([0, film.frameCount - 1])).map(indexOf)).toEqual([0, film.frameCount - 1]);
    await film.close();
  });

  it('says that a sound file has no picture', async () => {
    const work = openVideo(video('sound-only.mp4'));
    await expect(work).rejects.toThrow(/sound-only.mp4" \(mov\) holds no video stream/);
    expect(await codeOf(work)).toBe('NOT_A_VIDEO');
  });

  it('refuses frames larger than allowed', async () => {
    const work = openVideo(video('square.mp4'), { maxPixels: 64 * 48 - 1 });
    await expect(work).rejects.toThrow(/1 frames of 64 × 48 are 3072 pixels, more than the 3071 allowed/);
    expect(await codeOf(work)).toBe('VIDEO_TOO_LARGE');
  });

  it('opens nothing but the file itself', async () => {
    // An MP4 head followed by a playlist: probing would find the playlist's format, the named demuxer does not.
    const file = path.join(scratch, 'playlist.mp4');
    const head = new Uint8Array([0, 0, 0, 16, ...new TextEncoder().encode('ftypisom\0\0\0\0')]);
    await writeFile(
      file,
      Buffer.concat([head, Buffer.from(`\n#EXTM3U\n#EXTINF:1,\n${video('square.mp4')}\n`)]),
    );
    expect(await codeOf(openVideo(file))).toBe('CORRUPT_VIDEO');
    await rm(file);
  });

  it('reads a file whose name looks like an option or a pattern', async () => {
    const file = path.join(scratch, '-i %03d;$(x) "a".mp4');
    await writeFile(file, bytesOf(video('square.mp4')));
    const film = await openVideo(file);
    expect(film.frameCount).toBe(14);
    await film.close();
    await rm(file);
  });

  it('leaves no process and no file when aborted, wherever that falls', async () => {
    const bytes = bytesOf(video('square.mp4'));
    const outcomes: string[] = [];
    for (let wait = 0; /^(Timeout|Abort)Error/.test(outcomes.at(-1) ?? 'AbortError'); wait += 9) {
      const signal = AbortSignal.timeout(wait);
      const work = async () => {
        const film = await openVideo(bytes, { signal });
        return film.frames([0, 13], { signal }).finally(film.close);
      };
      outcomes.push(await codeOf(work()));
      expect(await readdir(scratch)).toEqual([]);
    }
    expect(outcomes.at(-1)).toBe('no error');
    expect(outcomes.length).toBeGreaterThan(5);
  });

  it('ends its child when the video is closed while frames are read', async () => {
    const film = await openVideo(bytesOf(video('square.mp4')));
    const reading = codeOf(film.frames([0, 13]));
    await film.close();
    expect(await reading).toBe('VIDEO_CLOSED');
  });
});
