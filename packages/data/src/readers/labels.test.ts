import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encodePng, rgbImage } from '@emu-ts/media';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagesOfSample } from '../shapes/sample.js';
import { makeSample } from '../shapes/tasks/index.js';
import { heldOutLabels, labelsOf, sceneLabels } from '../shapes/words/labels.js';
import { isHeldOut } from '../shapes/world/scene.js';
import { BadRows } from '../stream/bad-rows.js';
import type { DataSource, Item, Json } from '../stream/source.js';
import { jsonlLabels, type Labelled, parquetLabels, shapesLabels } from './labels.js';

let root = '';
const at = (name: string) => path.join(root, name);

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'emu-labels-'));
  for (let i = 1; i < 4; i++) await writeFile(at(`${i}.png`), await encodePng(rgbImage(i, i)));
});
afterAll(() => rm(root, { recursive: true }));

/** The first items of a source. */
async function take(source: DataSource<Labelled>, most = Number.POSITIVE_INFINITY, from?: Json) {
  const badRows = new BadRows();
  const items: Item<Labelled>[] = [];
  for await (const item of source.open(from, { badRows })) if (items.push(item) === most) break;
  return { items, bad: badRows.first };
}

describe('labelled pictures', () => {
  it('from JSON lines: lists, texts with commas, numbers; places of good and bad rows', async () => {
    const rows = [
      { image: '1.png', labels: ['cat', ' red sofa '] },
      { image: '2.png', labels: 'dog, tree,' },
      { image: '3.png', labels: [] },
      { image: '1.png', labels: 7 },
      { image: '1.png', labels: [{}] },
      { image: '1.png' },
      { labels: 'cat' },
    ];
    await writeFile(at('rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const { items, bad } = await take(jsonlLabels([at('rows.jsonl')]));
    expect(items.map(({ value, place }) => [value.image.width, value.labels, place?.line])).toEqual([
      [1, ['cat', 'red sofa'], 1],
      [2, ['dog', 'tree'], 2],
      [3, [], 3],
      [1, ['7'], 4],
    ]);
    expect(bad.map(({ place, reason }) => [place.line, reason])).toEqual([
      [5, `Wanted a list of labels in 'labels', got [{}].`],
      [6, `Wanted a list of labels in 'labels', got only image.`],
      [7, "There is no image in 'image'; the row has labels."],
    ]);
  });

  it('from parquet, in columns of any name', async () => {
    const columnData = [
      { name: 'file', data: ['1.png', '3.png'] },
      { name: 'class', data: [4n, 5n], type: 'INT64' as const },
    ];
    await writeFile(at('rows.parquet'), new Uint8Array(parquetWriteBuffer({ columnData })));
    const { items } = await take(
      parquetLabels([at('rows.parquet')], { columns: { image: 'file', labels: 'class' } }),
    );
    expect(items.map(({ value }) => [value.image.width, value.labels])).toEqual([
      [1, ['4']],
      [3, ['5']],
    ]);
  });

  it('from the shapes world, without a word of what is kept for tests', async () => {
    const options = { seed: 1, split: 'train', size: 16 } as const;
    const { items } = await take(shapesLabels(options), 30);
    for (const [i, { value, place }] of items.entries()) {
      const [scene] = imagesOfSample(makeSample(options, i));
      expect(isHeldOut(scene)).toBe(false);
      expect(value.labels).toEqual(labelsOf(scene));
      expect(value.labels.every((label) => sceneLabels.includes(label))).toBe(true);
      expect(value.labels.some((label) => heldOutLabels.includes(label))).toBe(false);
      expect(value.unknown).toEqual(heldOutLabels);
      expect(place?.row).toBe(i);
    }
    expect(heldOutLabels).toHaveLength(8);
    expect(new Set(sceneLabels).size).toBe(sceneLabels.length);
    const rest = await take(shapesLabels(options), 3, items[9].position);
    expect(rest.items).toEqual(items.slice(10, 13));
    const test = await take(shapesLabels({ ...options, split: 'test', tasks: ['caption'] }), 12);
    for (const { value } of test.items) expect(value.unknown).toEqual([]);
    const tested = test.items.flatMap(({ value }) => value.labels);
    expect(tested.some((label) => heldOutLabels.includes(label))).toBe(true);
  });
});
