import { rgbImage } from '@emu-ts/media';
import { describe, expect, it } from 'vitest';
import { evenFrames, mergeTimeline } from './merge.js';
import { cutSheet } from './sheet.js';
import { parseSubtitles, toSrt } from './subtitles.js';

describe('merging by time', () => {
  it('joins the words before each picture, and keeps what comes after the last', () => {
    const parts = mergeTimeline(evenFrames(['a', 'b', 'c'], 2), [
      { start: 3, text: ' world ' },
      { start: 1, text: 'hello' },
      { start: 1.5, text: '' },
      { start: 9, text: 'bye' },
    ]);
    expect(parts).toEqual([
      { text: '', image: 'a' },
      { text: 'hello', image: 'b' },
      { text: 'world', image: 'c' },
      { text: 'bye' },
    ]);
  });

  it('puts the picture first at equal times', () => {
    expect(mergeTimeline(evenFrames(['a', 'b'], 2), [{ start: 2, text: 'then' }])).toEqual([
      { text: '', image: 'a' },
      { text: '', image: 'b' },
      { text: 'then' },
    ]);
  });

  it('never rounds the interval: frames 0.4 s apart stay apart, and long videos do not drift', () => {
    const quick = mergeTimeline(evenFrames(['a', 'b', 'c', 'd'], 0.4), [{ start: 0.9, text: 'late' }]);
    expect(quick.map(({ text }) => text)).toEqual(['', '', '', 'late']);
    const long = evenFrames(new Array(100).fill('x'), 250 / 100);
    expect(long[99].time).toBe(247.5);
    expect(() => evenFrames(['a'], 0)).toThrow(/interval of 0 seconds/);
  });
});

describe('subtitles', () => {
  const expected = [
    { start: 1, end: 2.5, text: 'Hello & welcome' },
    { start: 3, end: 4, text: 'two lines' },
  ];

  it('are read from SubRip, whatever its line ends, tags and order', () => {
    const srt =
      '\ufeff2\r\n00:00:03,000 --> 00:00:04,000\r\ntwo\r\nlines\r\n\r\n1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\n{\\an8}<i>Hello</i> &amp; welcome';
    expect(parseSubtitles(srt, 'srt')).toEqual(expected);
    expect(parseSubtitles(toSrt(expected), 'srt')).toEqual(expected);
    expect(parseSubtitles('', 'srt')).toEqual([]);
  });

  it('are read from WebVTT with notes, styles and settings', () => {
    const vtt =
      'WEBVTT - title\n\nNOTE a remark\n\nSTYLE\n::cue { color: red }\n\n1\n00:01.000 --> 00:02.500 align:start\n<v Bob>Hello &amp; <c.red>welcome</c>\n\n00:00:03.000 --> 00:00:04.000\ntwo\nlines\n';
    expect(parseSubtitles(vtt, 'vtt')).toEqual(expected);
  });

  it('are read from JSON, as lists and as events', () => {
    const list = [
      { text: 'Hello &amp; welcome', start: 1, duration: 1.5 },
      { text: 'two\nlines', start: 3, duration: 1 },
    ];
    expect(parseSubtitles(JSON.stringify(list), 'json')).toEqual(expected);
    const events = list.map(({ text, start, duration }) => ({
      tStartMs: start * 1000,
      dDurationMs: duration * 1000,
      segs: [{ utf8: text }],
    }));
    expect(parseSubtitles(JSON.stringify({ events }), 'json')).toEqual(expected);
  });

  it('say what is wrong with them', () => {
    expect(() => parseSubtitles('1\n00:0x --> 00:00:02,000\nhi', 'srt')).toThrow(
      /Cue 1 has the times "00:0x/,
    );
    expect(() => parseSubtitles('hello', 'vtt')).toThrow(/do not begin with WEBVTT/);
    expect(() => parseSubtitles('hello', 'srt')).toThrow(/no cue/);
    expect(() => parseSubtitles('[{"text": "a"}]', 'json')).toThrow(/Cue 1 lacks its text or start/);
    expect(() => parseSubtitles('{', 'json')).toThrow(/no JSON/);
  });
});

describe('storyboard pages', () => {
  it('are cut row by row, also where they do not divide', () => {
    const page = rgbImage(7, 4);
    for (let y = 0; y < 4; y++) for (let x = 0; x < 7; x++) page.data[(y * 7 + x) * 3] = y * 10 + x;
    const cut = cutSheet(page, { columns: 3, rows: 2, frames: 5 });
    expect(cut.map(({ width, height }) => [width, height])).toEqual(new Array(5).fill([2, 2]));
    expect(cut.map(({ data }) => data[0])).toEqual([0, 2, 5, 20, 22]);
    expect(() => cutSheet(page, { columns: 9, rows: 1, frames: 1 })).toThrow(/cannot hold 9 × 1/);
  });
});
