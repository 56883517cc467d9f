/**
 * Makes the small videos in `fixtures/videos` with ffmpeg (5.1 made the committed ones): on grey, a yellow square whose
 * place says the index of the frame, x = 4 · (index mod 14) and y = 5 · ⌊index / 14⌋, whatever the codec does to colours.
 * Run: npx tsx packages/media/scripts/make-videos.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const out = fileURLToPath(new URL('../fixtures/videos/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'make-videos-'));
const WIDTH = 64;
const HEIGHT = 48;
const SIDE = 8;

function frames(from: number, to: number): Buffer {
  const bytes = Buffer.alloc((to - from) * HEIGHT * WIDTH * 3, 40);
  for (let n = from; n < to; n++) {
    const [left, top] = [4 * (n % 14), 5 * Math.floor(n / 14)];
    for (let y = top; y < top + SIDE; y++) {
      for (let x = left; x < left + SIDE; x++)
        bytes.set([230, 200, 20], (((n - from) * HEIGHT + y) * WIDTH + x) * 3);
    }
  }
  return bytes;
}

const RAW = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${WIDTH}x${HEIGHT}`, '-r', '10', '-i', 'pipe:0'];
const H264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-bf', '2', '-crf', '20'];
const VP8 = ['-c:v', 'libvpx', '-b:v', '200k'];
const EXACT = ['-fflags', '+bitexact', '-flags:v', '+bitexact', '-map_metadata', '-1'];
const program = process.env.FFMPEG ?? 'ffmpeg';
const ffmpeg = (input: Buffer, ...args: string[]) =>
  execFileSync(program, ['-v', 'error', '-y', ...args], { input });
const none = Buffer.alloc(0);

const mp4 = join(out, 'square.mp4');
ffmpeg(frames(0, 14), ...RAW, ...H264, ...EXACT, '-movflags', '+faststart', mp4);
ffmpeg(frames(0, 14), ...RAW, ...VP8, ...EXACT, join(out, 'square.webm'));
ffmpeg(frames(0, 80), ...RAW, ...H264, '-g', '30', ...EXACT, join(out, 'long.mp4'));
// Shown turned by a quarter: the stored frames are unchanged.
ffmpeg(
  none,
  '-i',
  mp4,
  '-c',
  'copy',
  '-metadata:s:v',
  'rotate=90',
  '-fflags',
  '+bitexact',
  join(out, 'rotated.mp4'),
);
// Uneven times: from frame 5 on, three times as slow.
const uneven = "setpts='if(lt(N,5),N,N*3)/10/TB'";
ffmpeg(frames(0, 14), ...RAW, '-vf', uneven, '-vsync', 'vfr', ...H264, ...EXACT, join(out, 'uneven.mp4'));
// Cut without encoding again: the packets before the cut are kept, and an edit list hides their frames.
ffmpeg(none, '-ss', '0.5', '-i', mp4, '-c', 'copy', '-fflags', '+bitexact', join(out, 'edit-list.mp4'));
// A stream whose frames change size half way.
const small = join(scratch, 'small.ts');
const large = join(scratch, 'large.ts');
ffmpeg(frames(0, 14), ...RAW, ...H264, ...EXACT, '-f', 'mpegts', small);
ffmpeg(frames(14, 28), ...RAW, '-vf', 'scale=96:72', ...H264, ...EXACT, '-f', 'mpegts', large);
ffmpeg(
  none,
  '-i',
  `concat:${small}|${large}`,
  '-c',
  'copy',
  '-fflags',
  '+bitexact',
  join(out, 'two-sizes.mkv'),
);
// No picture at all.
ffmpeg(none, '-f', 'lavfi', '-i', 'sine=d=0.1', '-c:a', 'aac', ...EXACT, join(out, 'sound-only.mp4'));
rmSync(scratch, { recursive: true });
