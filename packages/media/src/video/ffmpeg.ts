/**
 * Video files through the ffmpeg and ffprobe found on PATH. Opening decodes the whole stream once, because only that
 * tells how many frames there are: containers lie, and packets need not become frames. Reading decodes again from the
 * start and stops behind the last frame wanted, so an index means the same frame both times.
 */
import type { CallOptions } from '@emu-ts/base';
import { MediaError } from '../error.js';
import type { VideoFormat } from '../sniff.js';
import { runChild } from './child.js';
import { frameRanges } from './frame-ranges.js';
import { ppmReader } from './ppm.js';
import { checkVideoPixels, type FrameSource } from './video.js';

export interface Programs {
  /** Name on PATH or path; `ffmpeg` by default. */
  readonly ffmpeg?: string | undefined;
  /** Name on PATH or path; `ffprobe` by default. */
  readonly ffprobe?: string | undefined;
}

export interface FfmpegInput {
  readonly path: string;
  readonly label: string;
  readonly format: VideoFormat;
  readonly maxPixels: number;
  readonly allowDamaged: boolean;
  readonly programs: Programs;
}

/** Ranges in one select filter; ffmpeg's expressions have a bounded depth. */
const MAX_RANGES = 32;
/** Said by demuxers of files that are cut short, without an exit code. */
const CUT_SHORT = /ended prematurely|partial file/;

const INT_MAX = 2 ** 31 - 1;

/**
 * The demuxer is named and only files may be read, so that a playlist posing as a video cannot make ffmpeg open
 * anything else. Frames that change size midway are scaled to the first size, and the frame counter runs on.
 */
const inputArgs = ({ path, format, maxPixels }: FfmpegInput): string[] => [
  ...['-protocol_whitelist', 'file', '-f', format, '-max_pixels', String(Math.min(maxPixels, INT_MAX))],
  ...['-reinit_filter', '0', '-i', `file:${path}`],
];

const COMMON = ['-nostdin', '-hide_banner', '-v', 'error'];
/** Stops at the first damaged packet. */
const strict = ({ allowDamaged }: FfmpegInput): string[] => (allowDamaged ? [] : ['-xerror']);
const PPM = ['-pix_fmt', 'rgb24', '-c:v', 'ppm', '-f', 'image2pipe', 'pipe:1'];
/** The first stream that is a video and not a cover picture. */
const MAP = ['-map', '0:V:0'];

/** Keeps the first complaints: the later ones follow from them. */
function complaints({ path }: FfmpegInput): { add(line: string): void; text(code: number): string } {
  const lines: string[] = [];
  return {
    add: (line) => {
      if (lines.length < 3 && line.trim())
        lines.push(line.trim().replace(`file:${path}`, 'input').slice(0, 200));
    },
    text: (code) => lines.join('; ') || `exit code ${code}`,
  };
}

const corrupt = (label: string, what: string, reason: string): MediaError =>
  new MediaError('CORRUPT_VIDEO', `${label} ${what} (ffmpeg: ${reason}).`, {
    hint: 'Fetch it again, or pass allowDamaged to use the frames that decode.',
  });

interface Stream {
  readonly width?: number;
  readonly height?: number;
  /** A decimal number. */
  readonly nb_read_packets?: string;
}

/** Checks what the container says, and counts packets: about the number of frames, known without decoding. */
async function countPackets(input: FfmpegInput, signal?: AbortSignal): Promise<number> {
  const { path, format, label, maxPixels, programs } = input;
  const said = complaints(input);
  let json = '';
  const code = await runChild(
    programs.ffprobe ?? 'ffprobe',
    [
      ['-hide_banner', '-v', 'error', '-protocol_whitelist', 'file', '-f', format],
      ['-select_streams', 'V:0', '-count_packets'],
      ['-show_entries', 'stream=width,height,nb_read_packets', '-of', 'json'],
      [`file:${path}`],
    ].flat(),
    {
      signal,
      onStdout: (chunk) => {
        json += new TextDecoder().decode(chunk);
      },
      onStderr: said.add,
    },
  );
  if (code !== 0) throw corrupt(label, 'cannot be read', said.text(code));
  const [stream] = (JSON.parse(json) as { streams?: Stream[] }).streams ?? [];
  if (!stream) {
    throw new MediaError('NOT_A_VIDEO', `${label} (${format}) holds no video stream, wanted at least one.`);
  }
  checkVideoPixels(label, stream.width ?? 0, stream.height ?? 0, 1, maxPixels);
  return Number(stream.nb_read_packets ?? 0);
}

interface Summary {
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
}

/** Decodes everything, counts, and looks at the first frame. */
async function survey(input: FfmpegInput, { signal, onProgress }: CallOptions): Promise<Summary> {
  const { label, programs } = input;
  const packets = await countPackets(input, signal);
  const said = complaints(input);
  let frameCount = 0;
  let cutShort = false;
  let size: { width: number; height: number } | undefined;
  const code = await runChild(
    programs.ffmpeg ?? 'ffmpeg',
    [
      [...COMMON, ...strict(input), '-nostats', '-progress', 'pipe:2', ...inputArgs(input)],
      [...MAP, '-f', 'null', '-'],
      [...MAP, '-frames:v', '1', ...PPM],
    ].flat(),
    {
      signal,
      onStdout: ppmReader(({ width, height }) => {
        size ??= { width, height };
      }),
      onStderr: (line) => {
        const [, key, value] = /^(\w+)=\s*(\S+)\s*$/.exec(line) ?? [];
        if (key === undefined) {
          said.add(line);
          cutShort ||= CUT_SHORT.test(line);
        } else if (key === 'frame') {
          frameCount = Number(value);
          onProgress?.({ phase: 'open', loaded: frameCount, total: Math.max(packets, frameCount) });
        }
      },
    },
  );
  if ((code !== 0 || cutShort) && !input.allowDamaged) {
    throw corrupt(label, 'is damaged', said.text(code));
  }
  if (!size || frameCount === 0) throw corrupt(label, 'has no frame that decodes', said.text(code));
  return { frameCount, ...size };
}

/** Opens a video file. The caller removes the file, if it must, in `close`. */
export async function ffmpegSource(
  input: FfmpegInput,
  close: () => Promise<void>,
  options: CallOptions,
): Promise<FrameSource> {
  const { label, programs } = input;
  const { frameCount, width, height } = await survey(input, options);
  return {
    label,
    frameCount,
    width,
    height,
    close,
    async read(indices, onFrame, signal) {
      const said = complaints(input);
      const ranges = frameRanges(indices, MAX_RANGES);
      const coming = ranges.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, i) => from + i),
      );
      const wanted = new Set(indices);
      let seen = 0;
      let found = 0;
      const select = ranges.map(([from, to]) => `between(n,${from},${to})`).join('+');
      // Frames are stamped anew at a steady rate: otherwise ffmpeg repeats or drops some to keep the old times.
      const filter = `select='${select}',settb=1/25,setpts=N`;
      const code = await runChild(
        programs.ffmpeg ?? 'ffmpeg',
        [
          [...COMMON, ...strict(input), ...inputArgs(input), ...MAP],
          ['-vf', filter, '-r', '25', '-frames:v', String(coming.length), ...PPM],
        ].flat(),
        {
          signal,
          onStderr: said.add,
          onStdout: ppmReader((image) => {
            if (!wanted.has(coming[seen++])) return;
            found++;
            onFrame(image);
          }),
        },
      );
      if (found !== indices.length) {
        throw corrupt(label, `gave ${found} of the ${indices.length} frames asked for`, said.text(code));
      }
    },
  };
}
