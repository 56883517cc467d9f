import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Sequence } from '@emu-ts/contracts';
import { encodePng, type RgbImage, rgbImage } from '@emu-ts/media';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Draws } from '../draws.js';
import { BadRows } from '../stream/bad-rows.js';
import type { DataSource, Json } from '../stream/source.js';
import { cropSequence } from './crop.js';
import { folderPairs } from './folder.js';
import { instructionData } from './instruction.js';
import { mmc4Documents } from './mmc4.js';
import { inside } from './options.js';
import { jsonlPairs, parquetPairs } from './pairs.js';
import { shapesSource } from './shapes-world.js';
import { storyboards } from './storyboards.js';
import { expandBraces, webDataset } from './web-dataset.js';
import { webVid } from './web-vid.js';

let root = '';
const at = (...names: string[]) => path.join(root, ...names);

/** A plain picture whose red channel is its number. */
const picture = (red: number, width = 4, height = 4): RgbImage => {
  const image = rgbImage(width, height);
  for (let i = 0; i < image.data.length; i += 3) image.data[i] = red;
  return image;
};
const png = (red: number) => encodePng(picture(red));

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'emu-data-'));
  for (let i = 1; i < 10; i++) await writeFile(at(`${i}.png`), await png(i));
});
afterAll(() => rm(root, { recursive: true }));

/** Images as `#red`, videos as `#red,red`, roles and ends by name. */
const show = (sequence: Sequence<RgbImage>): string =>
  sequence
    .map((element) => {
      if (element.type === 'text') return element.text;
      if (element.type === 'image') return `#${element.image.data[0]}`;
      if (element.type === 'video') return `#${element.frames.map(({ data }) => data[0]).join()}`;
      return `<${element.type === 'role' ? element.role : element.type}>`;
    })
    .join(' ');

async function readAll(source: DataSource<Sequence<RgbImage>>, position?: Json) {
  const badRows = new BadRows();
  const shown: string[] = [];
  const positions: Json[] = [];
  for await (const item of source.open(position, { badRows })) {
    shown.push(show(item.value));
    positions.push(item.position);
  }
  return { shown, positions, bad: badRows.first.map(({ place, reason }) => ({ ...place, reason })) };
}

/** Every position of a reader continues the stream exactly. */
async function expectResumable(source: DataSource<Sequence<RgbImage>>) {
  const whole = await readAll(source);
  for (const [i, position] of whole.positions.entries()) {
    expect((await readAll(source, position)).shown).toEqual(whole.shown.slice(i + 1));
  }
}

/** Real videos need it; where it is not on PATH their tests are skipped and counted as such. */
const ffmpeg = ['ffmpeg', 'ffprobe'].every((program) => spawnSync(program, ['-version']).status === 0);

describe('image–text pairs', () => {
  const first = { imageFirst: 1 } as const;

  it('from JSON lines, packed or not, bad rows with file and line', async () => {
    const rows = [
      '{"image": "1.png", "text": "one"}',
      '',
      '{"image": "2.png", "text": ',
      '{"image": "missing.png", "text": "three"}',
      '{"text": "no picture"}',
      '{"image": "5.png", "text": " "}',
      '{"image": "../secret.png", "text": "outside"}',
      '["not", "an object"]',
      `{"image": "data:image/png;base64,${Buffer.from(await png(77)).toString('base64')}", "text": "inline"}`,
      '{"image": "readers.jsonl", "text": "not a picture"}',
      '{"image": "6.png", "text": "last, without line end"}',
    ].join('\n');
    await writeFile(at('readers.jsonl'), rows);
    await writeFile(at('packed.jsonl.gz'), gzipSync(rows));
    const { shown, bad } = await readAll(jsonlPairs([at('readers.jsonl')], first));
    expect(shown).toEqual(['#1 one', '#77 inline', '#6 last, without line end']);
    expect(bad.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 10]);
    expect(bad.every(({ file }) => file === at('readers.jsonl'))).toBe(true);
    expect(bad.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^This is no JSON/),
      expect.stringMatching(/missing\.png.*there is no such file/),
      "There is no image in 'image'; the row has text.",
      `Wanted text in 'text', got " ".`,
      expect.stringMatching(/Got the path "\.\.\/secret\.png", wanted one below/),
      'Got an array, wanted an object.',
      expect.stringMatching(/readers\.jsonl.*not an image|readers\.jsonl/),
    ]);
    expect((await readAll(jsonlPairs([at('packed.jsonl.gz')], first))).shown).toEqual(shown);
  });

  it('in a random order of image and text that is the same in every run', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `{"file": "${(i % 9) + 1}.png", "alt": "t"}`);
    await writeFile(at('order.jsonl'), rows.join('\n'));
    const source = jsonlPairs([at('order.jsonl')], {
      columns: { image: 'file', text: 'alt' },
      shuffle: 20,
      seed: 3,
    });
    const { shown } = await readAll(source);
    const texts = shown.filter((one) => one.startsWith('t')).length;
    expect(Math.abs(texts - 30)).toBeLessThan(5 * Math.sqrt(15));
    expect((await readAll(source)).shown).toEqual(shown);
    await expectResumable(source);
  });

  it('from parquet, with paths or bytes', async () => {
    const write = (name: string, columns: Parameters<typeof parquetWriteBuffer>[0]['columnData']) =>
      writeFile(at(name), new Uint8Array(parquetWriteBuffer({ columnData: columns, rowGroupSize: 2 })));
    await write('paths.parquet', [
      { name: 'image', data: ['1.png', '2.png', 'gone.png', '4.png', '5.png'] },
      { name: 'text', data: ['one', 'two', 'three', 'four', 'five'] },
      { name: 'more', data: [1, 2, 3, 4, 5] },
    ]);
    await write('bytes.parquet', [
      { name: 'image', data: [await png(8), await png(9)], type: 'BYTE_ARRAY' },
      { name: 'text', data: ['eight', 'nine'] },
    ]);
    const source = parquetPairs([at('paths.parquet'), at('bytes.parquet')], first);
    const { shown, bad } = await readAll(source);
    expect(shown).toEqual(['#1 one', '#2 two', '#4 four', '#5 five', '#8 eight', '#9 nine']);
    expect(bad).toMatchObject([
      { file: at('paths.parquet'), row: 2, reason: expect.stringMatching(/gone\.png/) },
    ]);
    await expectResumable(parquetPairs([at('paths.parquet'), at('bytes.parquet')], { shuffle: 3, seed: 1 }));
    const none = await readAll(parquetPairs([at('order.jsonl'), at('bytes.parquet')], first));
    expect(none.shown).toHaveLength(2);
    expect(none.bad).toMatchObject([
      { file: at('order.jsonl'), reason: expect.stringMatching(/as parquet/) },
    ]);
  });

  it('from a folder and those below it', async () => {
    await mkdir(at('folder/deep'), { recursive: true });
    const write = async (name: string, content: string | Uint8Array) =>
      writeFile(at('folder', name), content);
    await write('a.png', await png(1));
    await write('a.txt', 'a caption\n');
    await write('deep/b.v2.png', await png(2));
    await write('deep/b.v2.json', '{"caption": "another"}');
    await write('c.png', await png(3));
    await write('d.png', 'no picture');
    await write('d.txt', 'words');
    const { shown, bad } = await readAll(folderPairs(at('folder'), first));
    expect(shown).toEqual(['#1 a caption', '#2 another']);
    expect(bad).toMatchObject([
      { key: 'c.png', reason: expect.stringMatching(/no caption/) },
      { key: 'd.png' },
    ]);
    expect((await readAll(folderPairs(at('folder'), { ...first, size: 8 }))).shown).toHaveLength(2);
    await expect(readAll(folderPairs(at('nowhere')))).rejects.toThrow(/no such file or folder/);
  });
});

describe('WebDataset shards', () => {
  const tar = async (name: string, members: Readonly<Record<string, string | Uint8Array>>, cut?: number) => {
    const entries = Object.entries(members).map(([member, body]) => ({
      header: {
        name: member,
        size: typeof body === 'string' ? Buffer.byteLength(body) : body.length,
        type: 'file' as const,
      },
      body,
    }));
    await writeFile(at(name), (await packTar(entries)).subarray(0, cut));
  };

  it('are grouped by what stands before the first dot', async () => {
    await tar('0.tar', {
      './set/cat.jpg.png': 'left out by its bytes',
      'x/cat.png': await png(1),
      'x/cat.txt': 'a cat',
      'x/cat.json': '{}',
      'y/cat.png': await png(2),
      'y/cat.json': '{"caption": "another cat"}',
      'dog.txt': 'no picture',
      'cow.png': await png(3),
    });
    await tar('1.tar', { 'e.png': await png(4), 'e.txt': 'four', 'f.png': await png(5), 'f.txt': 'five' });
    const source = webDataset(
      expandBraces('{0..1}.tar').map((name) => at(name)),
      { imageFirst: 1 },
    );
    const { shown, bad } = await readAll(source);
    expect(shown).toEqual(['#1 a cat', '#2 another cat', '#4 four', '#5 five']);
    expect(bad.map(({ key }) => key)).toEqual(['set/cat', 'dog', 'cow']);
    expect(bad[1].reason).toBe('There is no image: the sample has .txt.');
    await expectResumable(webDataset([at('0.tar'), at('1.tar')], { shuffle: 3, seed: 2 }));
  });

  it('that break off give what they have', async () => {
    await tar(
      'cut.tar',
      { 'e.png': await png(4), 'e.txt': 'four', 'f.png': await png(5), 'f.txt': 'five' },
      2600,
    );
    const { shown, bad } = await readAll(webDataset([at('cut.tar'), at('1.tar')], { imageFirst: 1 }));
    expect(shown).toEqual(['#4 four', '#4 four', '#5 five']);
    expect(bad).toMatchObject([
      { file: at('cut.tar'), reason: expect.stringMatching(/breaks off or is no tar/) },
    ]);
  });

  it('of storyboards as the reference builds them are interleaved', async () => {
    await tar('board.tar', {
      'vid.0.txt': '',
      'vid.0.png': await png(1),
      'vid.1.txt': 'then',
      'vid.1.png': await png(2),
      'vid.2.txt': 'the end',
      'vid.final_meta.json': '{}',
      'gap.0.png': await png(1),
      'gap.2.png': await png(2),
    });
    const { shown, bad } = await readAll(webDataset([at('board.tar')], { imageFirst: 0 }));
    expect(shown).toEqual(['#1 then #2 the end']);
    expect(bad).toMatchObject([{ key: 'gap', reason: 'The storyboard has no part 1, but later ones.' }]);
  });

  it.skipIf(!ffmpeg)('may hold videos', async () => {
    const bytes = await readFile(new URL('../../../media/fixtures/videos/square.mp4', import.meta.url));
    await tar('film.tar', { 'a.mp4': bytes, 'a.txt': 'a square' });
    const { shown } = await readAll(webDataset([at('film.tar')], { size: 4, imageFirst: 1 }));
    expect(shown[0]).toMatch(/^#(\d+,){7}\d+ a square$/);
  });

  it('expand braces', () => {
    expect(expandBraces('a{08..11}-{x,y}.tar')).toHaveLength(8);
    expect(expandBraces('a{08..10}.tar')).toEqual(['a08.tar', 'a09.tar', 'a10.tar']);
    expect(expandBraces('plain.tar')).toEqual(['plain.tar']);
  });
});

describe('interleaved documents', () => {
  const info = (image_name: string, matched_text_index: number, matched_sim: number) => ({
    image_name,
    matched_text_index,
    matched_sim,
  });
  const write = (...docs: unknown[]) =>
    writeFile(at('docs.jsonl'), docs.map((doc) => JSON.stringify(doc)).join('\n'));

  it('keep pictures that are similar enough, beside their sentences', async () => {
    const text_list = ['zero.', 'one.', 'two.'];
    await write(
      { text_list, image_info: [info('2.png', 2, 0.5), info('1.png', 0, 0.32), info('3.png', 1, 0.31)] },
      { text_list, image_info: [info('1.png', 0, 0.1)] },
      { text_list, image_info: [info('1.png', 7, 0.9)] },
      { text_list, image_info: [info('1.png', 0, 0.9), info('gone.png', 1, 0.9), info('2.png', 2, 0.9)] },
      { text_list: 'x', image_info: [] },
    );
    const { shown, bad } = await readAll(mmc4Documents([at('docs.jsonl')], { imageFirst: 0 }));
    expect(shown).toEqual(['zero. #1 one. two. #2', 'zero. #1 one. two. #2']);
    expect(bad.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      '2 The document has no image: 1 listed, 0 of similarity at least 0.32, none readable.',
      '3 1.png belongs to sentence 7 of 3.',
      expect.stringMatching(/^4 .*gone\.png/),
      '5 Wanted a list of texts in \'text_list\', got "x".',
    ]);
    expect((await readAll(mmc4Documents([at('docs.jsonl')], { imageFirst: 1, maxImages: 1 }))).shown[0]).toBe(
      '#1 zero. one. two.',
    );
    const random = await readAll(
      mmc4Documents([at('docs.jsonl')], { imageFirst: 0, maxImages: 1, choose: 'random', seed: 4 }),
    );
    expect(random.shown).toHaveLength(2);
    for (const one of random.shown) expect(['zero. #1', 'two. #2']).toContain(one);
    const lengthOf = ({ type }: { readonly type: string }) => (type === 'image' ? 2 : 1);
    const cut = await readAll(
      mmc4Documents([at('docs.jsonl')], { imageFirst: 0, crop: { max: 3, lengthOf } }),
    );
    for (const one of cut.shown) expect(['zero. #1', '#1 one. two.', 'one. two. #2']).toContain(one);
    const loose = await readAll(mmc4Documents([at('docs.jsonl')], { imageFirst: 1, minSimilarity: 0 }));
    expect(loose.shown[0]).toBe('#1 zero. #3 one. #2 two.');
  });
});

describe('videos with words', () => {
  it('from WebVid CSV: frames by index, quoted captions, bad rows by line', async () => {
    const csv =
      'videoid,contentUrl,duration,page_dir,name\n1,http://x,PT1S,a_b,"A ""red"" fox,\nrunning"\n2,http://x,PT1S,,\n3,short\n4,http://x,PT2S,,A dog\r\n';
    await writeFile(at('webvid.csv'), csv);
    const asked: string[] = [];
    const loadFrames = async (file: string, choose: (count: number) => readonly number[]) => {
      asked.push(path.relative(root, file));
      return choose(50).map((index) => picture(index));
    };
    const { shown, bad } = await readAll(
      webVid([at('webvid.csv')], { loadFrames, choose: 'even', imageFirst: 1 }),
    );
    expect(asked).toEqual(['a_b/1.mp4', '4.mp4']);
    expect(shown).toEqual(['#3,9,15,21,27,34,40,46 A "red" fox,\nrunning', '#3,9,15,21,27,34,40,46 A dog']);
    expect(bad).toMatchObject([
      { line: 4, reason: expect.stringMatching(/'name'/) },
      { line: 5, reason: expect.stringMatching(/2 cells for 5/) },
    ]);
    const random = webVid([at('webvid.csv')], { loadFrames, frames: 3, seed: 1 });
    expect((await readAll(random)).shown).toEqual((await readAll(random)).shown);
  });

  it.skipIf(!ffmpeg)('reads real video files', async () => {
    const folder = fileURLToPath(new URL('../../../media/fixtures/videos', import.meta.url));
    await writeFile(at('real.csv'), 'videoid,name\nsquare,a square\nsound-only,nothing to see\n');
    const { shown, bad } = await readAll(
      webVid([at('real.csv')], { folder, size: 8, frames: 2, imageFirst: 1 }),
    );
    expect(shown).toHaveLength(1);
    expect(bad).toMatchObject([{ line: 3 }]);
  });
});

describe('instruction data', () => {
  it('in the layout of LLaVA', async () => {
    const turns = (question: string) => [
      { from: 'human', value: question },
      { from: 'gpt', value: 'A number.' },
    ];
    const rows = [
      { id: 'a', image: '1.png', conversations: turns('<image>\nWhat is this?') },
      { id: 'b', image: '2.png', conversations: turns('What?') },
      { id: 'c', conversations: turns('Only words?') },
      { id: 'd', image: '3.png', conversations: turns('<image> and <image>?') },
      { id: 'e', image: '4.png', conversations: [{ from: 'human', value: 'Hello?' }] },
      { id: 'f', conversations: [{ from: 'robot', value: 'x' }] },
      'nonsense',
    ];
    await writeFile(at('llava.json'), JSON.stringify(rows));
    const { shown, bad } = await readAll(instructionData([at('llava.json')]));
    expect(shown.map((one) => one.slice(one.indexOf('<user>')))).toEqual([
      '<user> #1 What is this? <assistant> A number. <end>',
      '<user> #2 What? <assistant> A number. <end>',
      '<user> Only words? <assistant> A number. <end>',
    ]);
    expect(bad.map(({ row, key }) => [row, key])).toEqual([
      [3, 'd'],
      [4, 'e'],
      [5, 'f'],
      [6, undefined],
    ]);
    expect(bad[0].reason).toBe('The turns have 2 places <image> for 1 images.');
  });

  it('as chat messages', async () => {
    const user = (content: unknown) => ({ role: 'user', content });
    const rows = [
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          user([
            { type: 'image', image: '1.png' },
            { type: 'text', text: 'What?' },
          ]),
          { role: 'assistant', content: 'One.' },
        ],
      },
      {
        messages: [
          user([{ type: 'image_url', image_url: { url: '2.png' } }]),
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'Here:' },
              { type: 'image', image: '3.png' },
            ],
          },
        ],
      },
      {
        messages: [
          user('Hi'),
          user('Hi?'),
          { role: 'assistant', content: 'x' },
          { role: 'assistant', content: 'y' },
        ],
      },
      { messages: [user([{ type: 'audio' }]), { role: 'assistant', content: 'x' }] },
    ];
    await writeFile(at('chat.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const { shown, bad } = await readAll(instructionData([at('chat.jsonl')]));
    expect(shown[0]).toBe('<system> Be brief. <user> #1 What? <assistant> One. <end>');
    expect(shown[1]).toMatch(/<user> #2 <assistant> Here: #3 <end>$/);
    expect(bad.map(({ line }) => line)).toEqual([3, 4]);
    expect(bad[1].reason).toMatch(/part of type "audio"/);
  });

  it('in a file that is no array is one bad row', async () => {
    await writeFile(at('object.json'), '{}');
    await expect(readAll(instructionData([at('object.json')]))).rejects.toThrow(
      /no usable row.*holds no array/s,
    );
  });
});

describe('storyboards', () => {
  const page = async (reds: number[], columns: number, width = 6, height = 4, grey = false) => {
    const image = rgbImage(width, height);
    const rows = Math.ceil(reds.length / columns);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [row, column] = [
          Math.floor(((y + 0.5) * rows) / height),
          Math.floor(((x + 0.5) * columns) / width),
        ];
        const red = reds[row * columns + column] ?? 0;
        image.data.set(grey ? [red, red, red] : [red, 0, 0], (y * width + x) * 3);
      }
    }
    return encodePng(image);
  };
  const board = async (folder: string, files: Readonly<Record<string, string | Uint8Array>>) => {
    await mkdir(at(folder), { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(at(folder, name), content);
  };
  const srt = '1\n00:00:00,500 --> 00:00:01,000\nhello\n\n2\n00:00:01,300 --> 00:00:02,000\nworld';
  const words = { imageFirst: 0 } as const;

  it('merge frames and subtitles by exact times, over several pages', async () => {
    const sb = [
      [3, 2, 2, 2, 4, 'image/webp'],
      [3, 2, 2, 1, 1, 'image/webp'],
    ];
    await board('sb1', {
      '00.json': JSON.stringify({
        url: 'https://www.youtube.com/watch?v=Abc_d-1&t=9',
        duration: 2,
        yt_meta_dict: { sb },
      }),
      '00_0.png': await page([10, 20, 30, 40], 2),
      '00_1.png': await page([50], 1, 3, 2),
      'Abc_d-1.srt': srt,
    });
    // Five frames in two seconds are 0.4 s apart; a whole number of seconds would put all of them at 0.
    const { shown, bad } = await readAll(storyboards(at('sb1'), words));
    expect(bad).toEqual([]);
    expect(shown).toEqual(['#10 #20 hello #30 #40 world #50']);
    const few = await readAll(storyboards(at('sb1'), { ...words, maxFrames: 2, size: 16 }));
    expect(few.shown[0].match(/#/g)).toHaveLength(2);
  });

  it('take only files whose ending says so, and whole ids', async () => {
    await board('sb2', {
      'json_0.txt': 'not a page',
      'myjson.webp': 'not a page either',
      'v.json': JSON.stringify({ id: 'whole-id', duration: 4, sb: [[3, 2, 2, 1, 2]] }),
      'v_0.png': await page([1, 2], 2),
    });
    await board('subs', {
      'whole-id.vtt': `WEBVTT\n\n00:01.000 --> 00:02.000\nlast line`,
      'whole-i.vtt': 'WEBVTT',
    });
    const { shown } = await readAll(storyboards(at('sb2'), { ...words, subtitles: at('subs') }));
    expect(shown).toEqual(['#1 last line #2']);
  });

  it('read pages that are grey or do not divide', async () => {
    await board('sb3', {
      'g.json': JSON.stringify({ duration: 6, sb: [[2, 2, 3, 1, 3]] }),
      'g_0.png': await page([9, 8, 7], 3, 7, 3, true),
      'g.srt': srt,
    });
    expect((await readAll(storyboards(at('sb3'), words))).shown).toEqual(['#9 hello world #8 #7']);
  });

  it('report what is wrong, and with which video', async () => {
    const meta = (more: object) => JSON.stringify({ duration: 4, sb: [[3, 2, 2, 1, 2]], ...more });
    await board('sb4', {
      'a.json': meta({
        sb: [
          [3, 2, 2, 1, 2],
          [3, 2, 2, 1, 2],
        ],
      }),
      'a_0.png': await page([1, 2], 2),
      'b.json': meta({ duration: undefined }),
      'b_0.png': await page([1, 2], 2),
      'b.srt': srt,
      'c.json': meta({}),
      'c_0.png': await page([1, 2], 2),
      'd_0.png': await page([1, 2], 2),
      'e.json': meta({}),
      'e_0.png': await page([1, 2], 2),
      'e.srt': srt,
      'f.json': meta({ sb: [[3, 2, 2, 1, 9]] }),
      'f_0.png': await page([1, 2], 2),
    });
    const { shown, bad } = await readAll(storyboards(at('sb4'), words));
    expect(shown).toEqual(['#1 hello world #2']);
    expect(bad.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
      'a: Page 1 of 2 is missing.',
      "b: Wanted the 'duration' in seconds, got nothing.",
      expect.stringMatching(/^c: There are no subtitles: wanted c\.srt/),
      expect.stringMatching(/^d: Could not read .*d\.json/),
      'f: Page 0 claims 9 frames in 2 × 1 places.',
    ]);
    await expect(readAll(storyboards(at('sb4'), { ...words, minFrames: 3 }))).rejects.toThrow(
      /wanted at least 3/,
    );
    await expect(readAll(storyboards(at('sb4'), { ...words, maxBad: 1 }))).rejects.toThrow(
      /more than the 1 allowed/,
    );
  });
});

describe('the shapes world as a source', () => {
  it('shares samples out and goes on at their number', async () => {
    const read = async (rank: number, position?: Json) => {
      const found: number[] = [];
      const source = shapesSource({ seed: 1, count: 9, rank, worldSize: 2, size: 16, tasks: ['caption'] });
      for await (const { value } of source.open(position)) found.push(value.index);
      return found;
    };
    expect(await read(0)).toEqual([0, 2, 4, 6, 8]);
    expect(await read(1, 5)).toEqual([5, 7]);
    await expect(read(1, 4)).rejects.toThrow(/Got 4, wanted the number of a sample of process 1 of 2/);
  });
});

it('paths of rows stay below their folder', () => {
  expect(inside('/data', 'a/b.png')).toBe('/data/a/b.png');
  expect(inside('', 'b.png')).toBe('b.png');
  for (const path of ['/etc/x', '../x', 'a/../../x', 'a\\..\\x', 'http://x/y', 'C:\\x', 'file:///x']) {
    expect(() => inside('/data', path), path).toThrow(/wanted one below "\/data"/);
  }
});

describe('a crop', () => {
  const letters = [...'abcdef'].map((one) => ({ type: 'text' as const, text: one }));
  const lengthOf = (element: { readonly type: string }) =>
    'text' in element && element.text === 'd' ? 9 : 1;

  it('is a run of whole elements that fits and cannot be longer', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const run = cropSequence(letters, { max: 2, lengthOf }, new Draws(1, i));
      seen.add(run.map((element) => (element.type === 'text' ? element.text : '')).join(''));
    }
    expect([...seen].sort()).toEqual(['ab', 'bc', 'ef']);
    expect(cropSequence(letters, { max: 99, lengthOf }, new Draws(1))).toEqual(letters);
    expect(cropSequence(letters, { max: 0, lengthOf }, new Draws(1))).toEqual([]);
  });
});

it('reading stops when its signal does', async () => {
  await writeFile(at('many.jsonl'), '{"image": "1.png", "text": "t"}\n'.repeat(5000));
  const controller = new AbortController();
  let count = 0;
  const reading = async () => {
    const source = jsonlPairs([at('many.jsonl')], { shuffle: 64 });
    for await (const _ of source.open(undefined, { signal: controller.signal })) {
      if (++count === 3) controller.abort();
    }
  };
  await expect(reading()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  expect(count).toBe(3);
});
