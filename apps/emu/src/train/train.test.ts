import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toF64 } from '@emu-ts/base';
import { type Checkpoint, openCheckpoint } from '@emu-ts/checkpoint';
import { interpreter } from '@emu-ts/graph';
import { fixture } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { small, smallDecoder, writeSmallData } from '../../test/small.js';
import { Emu } from '../emu.js';
import { finetuneRecipe } from './finetune.js';
import { type CliRecipe, readRecipe } from './recipe.js';
import { costRecipe, type TrainRunOptions, trainRecipe } from './run.js';

/** Compiling takes its time on a busy machine. */
const timeout = 240_000;

/** What users train, on small models and real files, from a recipe to a folder that every command loads. */
const checkpoint = fixture('goldens', 'checkpoint');
let dir: string;
const executor = interpreter();

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'emu-train-'));
  await writeSmallData(dir);
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

const pairs = { source: 'jsonl', files: ['pairs.jsonl'], shuffle: 4 };
const all = { groups: [{ name: 'all', match: ['**'], rate: 1e-2 }], clipNorm: 1 };

const fromNothing = (): CliRecipe =>
  readRecipe({
    name: 'from nothing',
    seed: 3,
    model: { config: small, tokenizer: path.join(checkpoint, 'tokenizer.model') },
    stages: [
      { name: 'see', objective: 'contrastive', updates: 2, batch: 3, data: pairs, optimizer: all },
      {
        name: 'read',
        objective: 'interleaved',
        updates: 6,
        batch: 2,
        accumulate: 2,
        checkpointEvery: 3,
        data: {
          source: 'mixture',
          parts: {
            pairs: { ...pairs, weight: 2 },
            shapes: { source: 'shapes', tasks: ['caption'], weight: 1 },
          },
        },
        superviseImageOpen: true,
        scheduledSampling: [
          [2, 0],
          [4, 0.5],
        ],
        weights: { image: 0.1 },
        imagesLogged: 1,
        optimizer: all,
      },
    ],
  });

const options = (out: string, more: Partial<TrainRunOptions> = {}): TrainRunOptions => ({
  executor,
  folder: dir,
  out: path.join(dir, out),
  ...more,
});

/** All weights of a file by name. */
async function weightsIn(file: string): Promise<Map<string, readonly number[]>> {
  await using opened: Checkpoint = await openCheckpoint(file);
  const found = new Map<string, readonly number[]>();
  for (const name of opened.entries.keys()) found.set(name, [...toF64(await opened.read(name))]);
  return found;
}
const encoderOf = (model: string) =>
  weightsIn(path.join(model, 'multimodal_encoder', 'pytorch_model.safetensors'));

describe('emu train', () => {
  it(
    'goes from nothing to a folder that loads, and leaves out rows without a picture',
    async () => {
      const bad: string[] = [];
      const losses: number[] = [];
      const { model, badRows } = await trainRecipe(
        fromNothing(),
        options('whole', {
          onBadRow: ({ reason }) => bad.push(reason),
          onUpdate: ({ name }, { record }) => name === 'read' && losses.push(record.loss_text),
        }),
      );
      expect(badRows).toBe(bad.length);
      expect(bad[0]).toContain("There is no image in 'image'");
      expect(losses).toHaveLength(6);
      expect(losses[5]).toBeLessThan(losses[0]);
      await using emu = await Emu.fromPretrained(model, { device: executor });
      const text = await emu
        .caption({ image: path.join(dir, '0.png') }, { maxNewTokens: 4, beams: 1 })
        .text();
      expect(typeof text).toBe('string');
      expect((await readdir(path.join(dir, 'whole'))).sort()).toEqual([
        '1-see',
        '2-read',
        'model',
        'recipe.json',
      ]);
      const metrics = await readFile(path.join(dir, 'whole', '2-read', 'metrics.jsonl'), 'utf8');
      expect(metrics).toContain('loss_image_0');
    },
    timeout,
  );

  it(
    'goes on where it was stopped, and ends with the same weights',
    async () => {
      const stopper = new AbortController();
      const stopped = trainRecipe(
        fromNothing(),
        options('broken', {
          signal: stopper.signal,
          onUpdate: ({ name }, { update }) => name === 'read' && update === 4 && stopper.abort(),
        }),
      );
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
      await expect(trainRecipe(fromNothing(), options('broken'))).rejects.toMatchObject({ code: 'RESUME' });
      const other = { ...fromNothing(), seed: 4 };
      await expect(trainRecipe(other, options('broken', { resume: true }))).rejects.toThrow(
        /began with another recipe: it had "seed": 3,, now there is "seed": 4,/,
      );
      const { model } = await trainRecipe(fromNothing(), options('broken', { resume: true }));
      expect(await encoderOf(model)).toEqual(await encoderOf(path.join(dir, 'whole', 'model')));
    },
    timeout,
  );

  it('says what a recipe would take, and writes nothing', async () => {
    const before = await readdir(dir);
    const costs = await costRecipe(fromNothing(), { executor, folder: dir });
    expect(costs.map(({ stage, updates }) => [stage, updates])).toEqual([
      ['see', 2],
      ['read', 6],
    ]);
    for (const { parameters, activationBytes, secondsPerUpdate } of costs) {
      expect(parameters).toBeGreaterThan(1000);
      expect(activationBytes).toBeGreaterThan(1000);
      expect(secondsPerUpdate).toBeGreaterThan(0);
    }
    expect(await readdir(dir)).toEqual(before);
  });
});

describe('emu finetune', () => {
  const defaults = {
    updates: 3,
    batch: 2,
    accumulate: 1,
    rate: 1e-2,
    rank: 3,
    alpha: 6,
    dropout: 0.2,
    seed: 1,
  };
  const signal = new AbortController().signal;

  it('tunes low-rank updates on the answers of dialogues, and leaves all else as it is', {
    timeout,
  }, async () => {
    const { recipe, folder } = await finetuneRecipe(
      checkpoint,
      path.join(dir, 'talks.json'),
      defaults,
      signal,
    );
    const { model, badRows } = await trainRecipe(recipe, { ...options('tuned'), folder });
    expect(badRows).toBeGreaterThan(0);
    const before = await weightsIn(path.join(checkpoint, 'multimodal_encoder', 'pytorch_model.bin'));
    const after = await weightsIn(path.join(model, 'emu-instruct.safetensors'));
    const changed = [...after].filter(([name, values]) => {
      if (/lora_A/.test(name)) return false;
      if (/lora_B/.test(name)) return values.some((x) => x !== 0);
      const old = before.get(
        name.replace('decoder.lm.base_model.model.', 'decoder.lm.'),
      ) as readonly number[];
      return values.slice(0, old.length).some((x, i) => x !== old[i]);
    });
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.every(([name]) => name.includes('lora_B'))).toBe(true);
    expect(await readdir(model)).toEqual(expect.arrayContaining(['unet', 'vae', 'multimodal_encoder']));
    expect(JSON.parse(await readFile(path.join(model, 'config.json'), 'utf8')).lora).toEqual({
      r: 3,
      alpha: 6,
      dropout: 0.2,
    });
    await using emu = await Emu.fromPretrained(model, {
      device: executor,
      variant: 'instruct',
      safetyChecker: false,
    });
    expect(
      await emu
        .ask([{ image: path.join(dir, '0.png') }], 'what is this?', { maxNewTokens: 3, beams: 1 })
        .text(),
    ).toEqual(expect.any(String));
    await using base = await Emu.fromPretrained(model, { device: executor, imageDecoder: false });
    expect(base.components.variant).toBe('base');
  });

  it('takes a recipe as well, and says what is neither', async () => {
    const file = path.join(dir, 'tune.json');
    await writeFile(
      file,
      JSON.stringify({ name: 'own', stages: [{ ...fromNothing().stages[1], name: 'tune' }] }),
    );
    const { recipe } = await finetuneRecipe(checkpoint, file, defaults, signal);
    expect(recipe.model).toEqual({ checkpoint, lora: { r: 3, alpha: 6, dropout: 0.2 } });
    await writeFile(file, '{"rows": []}');
    await expect(finetuneRecipe(checkpoint, file, defaults, signal)).rejects.toThrow(/neither a recipe/);
  });
});

describe('training a decoder', () => {
  const config = { ...small, ...smallDecoder };
  const compress = (): CliRecipe =>
    readRecipe({
      name: 'compress',
      model: { config, tokenizer: path.join(checkpoint, 'tokenizer.model') },
      stages: [
        {
          name: 'compress',
          objective: 'autoencoder',
          updates: 2,
          batch: 2,
          data: pairs,
          frozen: ['**.mid_block.**'],
          optimizer: all,
        },
      ],
    });
  const draw = (from: string): CliRecipe =>
    readRecipe({
      name: 'draw',
      model: { checkpoint: from },
      stages: [
        {
          name: 'draw',
          objective: 'diffusion',
          updates: 3,
          batch: 2,
          checkpointEvery: 1,
          data: pairs,
          optimizer: all,
        },
      ],
    });
  const part = (model: string, name: string) =>
    weightsIn(path.join(model, name, 'diffusion_pytorch_model.safetensors'));

  it(
    'teaches the UNet under conditions that the language model says, and nothing else',
    async () => {
      const { model: start } = await trainRecipe(compress(), options('compressed'));
      const { model } = await trainRecipe(draw(start), options('drawn'));
      const [before, after] = [await part(start, 'unet'), await part(model, 'unet')];
      expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
      const conditioned = [...after.keys()].filter((name) => /attn2\.to_[kv]/.test(name));
      expect(conditioned.length).toBeGreaterThan(0);
      for (const name of conditioned) expect(after.get(name)).not.toEqual(before.get(name));
      expect(await encoderOf(model)).toEqual(await encoderOf(start));
      expect(await part(model, 'vae')).toEqual(await part(start, 'vae'));
      await using emu = await Emu.fromPretrained(model, { device: executor });
      const [image] = await emu.draw(['a circle'], { steps: 1 }).images();
      expect(image.width).toBe(8);

      const stopper = new AbortController();
      const stopped = trainRecipe(
        draw(start),
        options('drawn again', { signal: stopper.signal, onUpdate: () => stopper.abort() }),
      );
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
      const again = await trainRecipe(draw(start), options('drawn again', { resume: true }));
      expect(await part(again.model, 'unet')).toEqual(after);
    },
    timeout,
  );
});

describe('recipes that cannot be trained', () => {
  const stage = { name: 'a', objective: 'interleaved', updates: 1, batch: 1, data: pairs, optimizer: all };
  const model = { checkpoint: 'somewhere' };
  it.each([
    [
      'an unknown source',
      { model, stages: [{ ...stage, data: { source: 'jsnl' } }] },
      /did you mean 'jsonl'\?/,
    ],
    [
      'an unknown key of data',
      { model, stages: [{ ...stage, data: { ...pairs, fles: [] } }] },
      /'fles' is not known here; did you mean 'files'\?/,
    ],
    ['no data', { model, stages: [{ ...stage, data: undefined }] }, /wanted an object with 'source'/],
    [
      'an unknown key of the model',
      { model: { chckpoint: 'x' }, stages: [stage] },
      /did you mean 'checkpoint'\?/,
    ],
    ['no model', { stages: [stage] }, /needs a 'checkpoint', or a 'config' and a 'tokenizer'/],
    [
      'an unknown task',
      { model, stages: [{ ...stage, data: { source: 'shapes', tasks: ['captoin'] } }] },
      /names the task "captoin"/,
    ],
    [
      'an unknown kind of question',
      { model, stages: [{ ...stage, data: { source: 'shapes', questions: { 'yes-now': 2 } } }] },
      /names the kind of question "yes-now"; there are colour, .*yes-no/,
    ],
    [
      'labels without a list of tags',
      { model, stages: [{ ...stage, objective: 'tagging' }] },
      /reads labels from jsonl and does not say which there are\. List them all in 'tags'/,
    ],
    [
      'a source that has no labels',
      { model, stages: [{ ...stage, objective: 'tagging', data: { source: 'mmc4', files: ['x'] } }] },
      /wanted one of folder, jsonl, parquet, webdataset, shapes, mixture, got "mmc4"/,
    ],
    [
      'a tag that the shapes world does not know',
      { model, stages: [{ ...stage, objective: 'tagging', tags: ['rde'], data: { source: 'shapes' } }] },
      /lists the tag 'rde'; the shapes world has one, two/,
    ],
    [
      'a weight of no loss',
      { model, stages: [{ ...stage, weights: { txt: 1 } }] },
      /The weights of stage 'a' \(interleaved\): 'txt' is not known here; did you mean 'text'\?/,
    ],
    [
      'an unknown section of the configuration',
      { model: { config: { lama: {} }, tokenizer: 't' }, stages: [stage] },
      /'lama' is not known here; did you mean 'llama'\?/,
    ],
  ])('says so: %s', (_, json, message) => {
    expect(() => readRecipe({ name: 'x', ...json })).toThrow(message);
  });

  it.each([
    [
      'data that is not there',
      { data: { source: 'jsonl', files: ['none.jsonl'] } },
      'FILE',
      /none\.jsonl', which is not there/,
    ],
    ['a file without usable rows', { data: { ...pairs, files: ['empty.jsonl'] } }, 'NO_ROWS', /empty/],
    [
      'words alone for pictures',
      { data: { source: 'instructions', files: ['said.jsonl'] } },
      'NO_ROWS',
      /None of 1000 rows can be used here; the last is .*said\.jsonl:1: There is no image in it/,
    ],
    [
      'a world that cannot be',
      { data: { source: 'shapes', sizes: ['large'], objects: [1, 4] } },
      'WORLD',
      /wanted 1 to 2/,
    ],
    ['too many bad rows', { data: { ...pairs, maxBad: 0 }, updates: 9 }, 'TOO_MANY_BAD_ROWS', /./],
    ['a pattern that matches nothing', { frozen: ['visul.**'] }, 'PATTERN', /visul/],
  ])('says so: %s', async (name, change, code, message) => {
    await writeFile(path.join(dir, 'empty.jsonl'), '{"text": "only words"}\n');
    const said = {
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'hello' },
      ],
    };
    await writeFile(path.join(dir, 'said.jsonl'), JSON.stringify(said));
    const { stages, ...rest } = fromNothing();
    const recipe = { ...rest, stages: [{ ...stages[0], ...(change as object) }] } as CliRecipe;
    const running = trainRecipe(recipe, options(name));
    await expect(running).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
