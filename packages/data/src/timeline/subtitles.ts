import { RowError } from '../stream/bad-rows.js';
import type { Subtitle } from './merge.js';

/** Formats of subtitles. */
export type SubtitleFormat = 'srt' | 'vtt' | 'json';

/**
 * Reads subtitles: SubRip, WebVTT, or JSON as `[{ "text", "start", "duration" }]` in seconds (also an object with such a
 * list as `subtitles`, and YouTube's `events` with `tStartMs` and `segs`). Cues come back in order of their start.
 * @throws RowError naming the cue that is wrong.
 */
export function parseSubtitles(content: string, format: SubtitleFormat): Subtitle[] {
  const text = content.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const found = format === 'json' ? jsonCues(text) : cues(text, format);
  return found.filter(({ text }) => text !== '').sort((a, b) => a.start - b.start);
}

const timing = /^\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})/;

/** Blocks between empty lines; a block without a timing is a comment, a style or the heading. */
function cues(text: string, format: 'srt' | 'vtt'): Subtitle[] {
  if (format === 'vtt' && !/^WEBVTT($|\s)/.test(text))
    throw new RowError('The subtitles do not begin with WEBVTT.');
  const found: Subtitle[] = [];
  for (const block of text.split(/\n[ \t]*\n/)) {
    const rows = block.split('\n');
    const at = rows.findIndex((row) => row.includes('-->'));
    if (at < 0) continue;
    const times = timing.exec(rows[at]);
    if (!times)
      throw new RowError(
        `Cue ${found.length + 1} has the times ${JSON.stringify(rows[at].trim())}, wanted 00:00:01,000 --> 00:00:02,000.`,
      );
    const words = rows
      .slice(at + 1)
      .map((row) => plain(row))
      .filter((row) => row !== '');
    found.push({ start: seconds(times[1]), end: seconds(times[2]), text: words.join(' ') });
  }
  if (found.length === 0 && text.trim() !== '' && format === 'srt')
    throw new RowError('The subtitles hold no cue.');
  return found;
}

const seconds = (time: string): number =>
  time
    .replace(',', '.')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  nbsp: ' ',
  lrm: '',
  rlm: '',
};

/** Without tags such as `<i>` and `<c.red>`, `{\an8}` positions and entities. */
const plain = (row: string): string =>
  row
    .replace(/<\/?[a-z][^<>]*>|<\d[\d:.]*>|\{\\[^}]*\}/gi, '')
    .replace(/&(amp|lt|gt|nbsp|lrm|rlm);/g, (_, name: string) => entities[name])
    .replace(/\s+/g, ' ')
    .trim();

function jsonCues(text: string): Subtitle[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RowError(`The subtitles are no JSON: ${(cause as Error).message}.`, { cause });
  }
  const nested = value as { subtitles?: unknown; events?: unknown } | null;
  const list = Array.isArray(value) ? value : (nested?.subtitles ?? nested?.events);
  if (!Array.isArray(list)) throw new RowError('The subtitles hold no list of cues.');
  return list.flatMap((cue: unknown, i): Subtitle[] => {
    const {
      start,
      duration,
      text: words,
      tStartMs,
      dDurationMs,
      segs,
    } = (cue ?? {}) as Record<string, unknown>;
    if (typeof tStartMs === 'number') {
      const parts = Array.isArray(segs) ? segs.map((seg: { utf8?: unknown }) => String(seg?.utf8 ?? '')) : [];
      const length = typeof dDurationMs === 'number' ? { end: (tStartMs + dDurationMs) / 1000 } : {};
      return [{ start: tStartMs / 1000, ...length, text: plain(parts.join('')) }];
    }
    if (typeof words !== 'string' || typeof start !== 'number' || !Number.isFinite(start)) {
      throw new RowError(`Cue ${i + 1} lacks its text or start: ${JSON.stringify(cue)?.slice(0, 80)}.`);
    }
    const length = typeof duration === 'number' ? { end: start + duration } : {};
    return [{ start, ...length, text: plain(words) }];
  });
}

/** The same words in the other way round, such as to hand a storyboard to a player. */
export const toSrt = (subtitles: readonly Subtitle[]): string =>
  subtitles
    .map(({ start, end = start + 2, text }, i) => `${i + 1}\n${clock(start)} --> ${clock(end)}\n${text}\n`)
    .join('\n');

function clock(time: number): string {
  const ms = Math.round(time * 1000);
  const pad = (n: number, width = 2) => String(Math.floor(n)).padStart(width, '0');
  return `${pad(ms / 3_600_000)}:${pad((ms / 60_000) % 60)}:${pad((ms / 1000) % 60)},${pad(ms % 1000, 3)}`;
}
