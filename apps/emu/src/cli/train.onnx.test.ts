import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensor, toF64 } from '@emu-ts/base';
import { openCheckpoint } from '@emu-ts/checkpoint';
import { expectClose } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpoint, emu, type Settings } from '../../test/process.js';
import { small, smallDecoder, writeSmallData } from '../../test/small.js';

/** `emu train` as a process of its own: every objective, and everything that can happen to a run. */
const timeout = 900_000;
let dir: string;
const at = (...parts: string[]) => path.join(dir, ...parts);

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'emu-cli-train-'));
  await writeSmallData(dir);
});
afterAll(() => rm(dir, { recursive: true }));

const tokenizer = path.join(checkpoint, 'tokenizer.model');
const optimizer = { groups: [{ name: 'all', match: ['**'], rate: 1e-2 }], clipNorm: 1 };
const pairs = { source: 'jsonl', files: ['pairs.jsonl'], shuffle: 4 };

async function train(recipe: { readonly name: string }, settings: Settings = {}, ...flags: string[]) {
  const file = at(`${recipe.name}.json`);
  await writeFile(file, JSON.stringify(recipe));
  return emu(['train', file, '--device', 'onnx', '--out', at('runs', recipe.name), ...flags], settings);
}

type Figures = Readonly<Record<string, number>>;

/** The metrics of a stage but for the time of day. */
const metrics = async (...stage: string[]): Promise<Figures[]> =>
  (await readFile(at('runs', ...stage, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => {
      const { time: _, ...rest } = JSON.parse(line);
      return rest;
    });

async function weightsOf(...file: string[]): Promise<Map<string, readonly number[]>> {
  await using opened = await openCheckpoint(at('runs', ...file));
  const found = new Map<string, readonly number[]>();
  for (const name of opened.entries.keys()) found.set(name, [...toF64(await opened.read(name))]);
  return found;
}

/** Within what a product and a sum are rounded by in f32. */
const expectSum = (sum: number, a: number, b: number) =>
  expect(Math.abs(sum - (a + b))).toBeLessThanOrEqual(2 ** -22 * (Math.abs(a) + Math.abs(b)));

describe('emu train', () => {
  const brief = { updates: 2, batch: 2, data: pairs, optimizer };
  const everything = {
    name: 'everything',
    seed: 5,
    model: { config: { ...small, ...smallDecoder }, tokenizer },
    stages: [
      {
        ...brief,
        name: 'label',
        objective: 'tagging',
        tags: ['zero', 'one', 'odd', 'red'],
        data: {
          source: 'mixture',
          parts: {
            files: { source: 'jsonl', files: ['labels.jsonl'], shuffle: 1 },
            shapes: { source: 'shapes', objects: [1, 1] },
          },
        },
      },
      {
        ...brief,
        name: 'tag',
        objective: 'tagging',
        data: { source: 'shapes', sizes: ['large'], style: { noise: 0 }, tasks: ['caption'] },
      },
      { ...brief, name: 'match', objective: 'contrastive', batch: 3 },
      {
        ...brief,
        name: 'read',
        objective: 'interleaved',
        updates: 3,
        frozen: ['visual.**'],
        weights: {
          text: 1,
          image: [
            [0, 0],
            [2, 0.5],
          ],
        },
      },
      {
        ...brief,
        name: 'compress',
        objective: 'autoencoder',
        reconstruction: 'squared',
        weights: {
          kl: [
            [0, 0],
            [1, 1],
          ],
        },
      },
      { ...brief, name: 'draw', objective: 'diffusion', dropRate: 0.5 },
    ],
  };

  it(
    'trains every objective in the stages of one recipe',
    async () => {
      const { code, stdout, stderr } = await train(everything, {}, '--json');
      expect(stderr).toMatch(/^Left out .*labels\.jsonl:1: It is labelled 'a stranger', which is none of/m);
      expect(stderr).toMatch(
        /^Left out .*pairs\.jsonl:4: There is no image in 'image'; the row has text\.$/m,
      );
      expect({ code, stderr: stderr.replace(/^Left out .*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
      const { model, losses, badRows } = JSON.parse(stdout);
      expect(Object.keys(losses)).toEqual(['label', 'tag', 'match', 'read', 'compress', 'draw']);
      expect(badRows).toBeGreaterThan(1);
      expect((await readdir(model)).sort()).toEqual(
        ['config.json', 'multimodal_encoder', 'scheduler', 'tokenizer.model', 'unet', 'vae'].sort(),
      );

      const figures: readonly (readonly [string, readonly string[]])[] = [
        ['1-label', ['tag_accuracy']],
        ['2-tag', ['tag_accuracy']],
        ['3-match', ['contrastive_accuracy', 'logit_scale']],
        ['4-read', ['loss_text', 'loss_image', 'image_variance']],
        ['5-compress', ['reconstruction', 'kl']],
        ['6-draw', ['loss']],
      ];
      for (const [stage, names] of figures)
        for (const record of await metrics('everything', stage))
          for (const name of names) expect(record[name]).toBeTypeOf('number');
      // Losses are weighed as the recipe says, update by update.
      const read = await metrics('everything', '4-read');
      for (const [i, { loss, loss_text, loss_image }] of read.entries())
        expectSum(loss, loss_text, [0, 0.25, 0.5][i] * loss_image);
      const compress = await metrics('everything', '5-compress');
      for (const [i, { loss, reconstruction, kl }] of compress.entries())
        expectSum(loss, reconstruction, i * kl);

      // Each stage moves what it trains, and nothing else.
      const after = (stage: string, updates: number) =>
        weightsOf('everything', stage, 'checkpoints', `step-0000000${updates}`, 'model.safetensors');
      const [labelled, tagged] = [await after('1-label', 2), await after('2-tag', 2)];
      expect(labelled.get('tagging.label.bias')).toHaveLength(4);
      const query = 'visual.blocks.0.attn.qkv.weight';
      expect(tagged.get(query)).not.toEqual(labelled.get(query));
      const matched = await after('3-match', 2);
      const readTo = await after('4-read', 3);
      for (const [name, values] of readTo)
        if (name.startsWith('visual.') && matched.has(name)) expect(values).toEqual(matched.get(name));
      const result = await weightsOf(
        'everything',
        'model',
        'multimodal_encoder',
        'pytorch_model.safetensors',
      );
      expect([...result.keys()].filter((name) => /^(tagging|clip)\./.test(name))).toEqual([]);
      for (const [name, values] of result) expect(values).toEqual(readTo.get(name));
    },
    timeout,
  );

  it(
    'shares the batches of an update among workers',
    async () => {
      // With a large eps, where gradients are rounding errors updates are no more.
      const stage = {
        ...brief,
        name: 'match',
        objective: 'contrastive',
        accumulate: 2,
        optimizer: { ...optimizer, eps: 1 },
      };
      const shared = (name: string) => ({ name, seed: 5, model: everything.model, stages: [stage] });
      const { code, stderr } = await train(shared('alone'), {}, '--json');
      expect({ code, stderr: stderr.replace(/^Left out .*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
      expect((await train(shared('together'), {}, '--json', '--workers', '2')).code).toBe(0);
      const last = ['1-match', 'checkpoints', 'step-00000002', 'model.safetensors'];
      const [alone, together] = [await weightsOf('alone', ...last), await weightsOf('together', ...last)];
      expect([...together.keys()]).toEqual([...alone.keys()]);
      for (const [name, values] of together) {
        const whole = (numbers: readonly number[] = []) =>
          tensor('f64', [numbers.length], Float64Array.from(numbers));
        expectClose(name, whole(values), whole(alone.get(name)), { dtype: 'f32', terms: 64, depth: 8 });
      }

      const few = await train(shared('few'), {}, '--workers', '3');
      expect(few.code).toBe(1);
      expect(few.stderr).toMatch(
        /^WORKERS: Stage 'match' makes an update of 2 batches; 3 workers would not/m,
      );
      expect(await readdir(at('runs'))).not.toContain('few');
      const elsewhere = await train(shared('few'), {}, '--workers', '2', '--device', 'reference');
      expect(elsewhere.stderr).toMatch(/^WORKERS: Workers run ONNX Runtime, and this would train on /m);
    },
    timeout,
  );

  it(
    'tunes low-rank updates on the answers of dialogues',
    async () => {
      const tune = {
        name: 'tune',
        model: { checkpoint: at('runs', 'everything', 'model'), lora: { r: 2, alpha: 4 } },
        stages: [
          {
            ...brief,
            name: 'answer',
            objective: 'interleaved',
            answersOnly: true,
            data: { source: 'instructions', files: ['talks.json'] },
            trainable: ['**.lora_A.**', '**.lora_B.**'],
          },
        ],
      };
      const { code, stderr } = await train(tune, {}, '--no-progress');
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /^Left out .*talks\.json row 2: .*nowhere\.png.*\n(?:.*\n)*\d+ rows were left out\.\n$/,
      );
      const [before, after] = [
        await weightsOf('everything', 'model', 'multimodal_encoder', 'pytorch_model.safetensors'),
        await weightsOf('tune', 'model', 'emu-instruct.safetensors'),
      ];
      let updates = 0;
      for (const [name, values] of after) {
        if (/lora_[AB]/.test(name)) updates += Number(values.some((value) => value !== 0));
        else if (!/embed_tokens|lm_head/.test(name))
          expect(values).toEqual(before.get(name.replace('base_model.model.', '')));
      }
      expect(updates).toBeGreaterThan(1);
    },
    timeout,
  );

  it(
    'names unknown keys with their place, and begins nothing',
    async () => {
      const recipe = {
        name: 'misspelt',
        model: { config: small, tokenizer },
        stages: [{ ...brief, name: 'a', objective: 'contrastive', checkpointEvry: 1 }],
      };
      const { code, stdout, stderr } = await train(recipe);
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr:
          "RECIPE: The recipe: 'stages[0].checkpointEvry' is not known here; did you mean 'checkpointEvery'?.\n",
      });
      expect(await readdir(at('runs'))).not.toContain('misspelt');
    },
    timeout,
  );

  it(
    'stops at a loss that is not finite, with the batch and the weights from before it',
    async () => {
      const group = { name: 'all', match: ['**'], rate: 1e30 };
      const recipe = {
        name: 'absurd',
        model: { config: small, tokenizer },
        stages: [
          { ...brief, name: 'read', objective: 'interleaved', updates: 9, optimizer: { groups: [group] } },
        ],
      };
      const { code, stdout, stderr } = await train(recipe);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        /^NOT_FINITE: Update 2: (the loss is (NaN|Infinity)|the gradient norm is not finite)\. The weights from before this/m,
      );
      expect(stderr).toMatch(/its batch is in .*failed-step-00000002\. Lower the rate/);
      const stage = at('runs', 'absurd', '1-read');
      await using batch = await openCheckpoint(
        path.join(stage, 'failed-step-00000002', 'batch-1.safetensors'),
      );
      expect([...batch.entries.keys()]).toEqual(expect.arrayContaining(['ids', 'images', 'text_labels']));
      const failure = JSON.parse(
        await readFile(path.join(stage, 'failed-step-00000002', 'failure.json'), 'utf8'),
      );
      expect(failure).toMatchObject({ update: 2, figures: { applied: '0' } });
      expect(await readdir(path.join(stage, 'checkpoints'))).toEqual(['step-00000001']);
    },
    timeout,
  );
});

describe('a run to which everything happens', () => {
  const recipe = {
    name: 'broken',
    seed: 2,
    model: { config: small, tokenizer },
    stages: [
      {
        name: 'see',
        objective: 'contrastive',
        updates: 3,
        batch: 3,
        checkpointEvery: 1,
        keep: 1,
        data: pairs,
        optimizer,
      },
      {
        name: 'read',
        objective: 'interleaved',
        updates: 40,
        batch: 2,
        checkpointEvery: 10,
        data: {
          source: 'mixture',
          parts: { pairs, shapes: { source: 'shapes', tasks: ['caption'], objects: [1, 1] } },
        },
        optimizer,
        schedule: { kind: 'cosine', warmup: 0.2 },
      },
    ],
  };
  const resume = (settings?: Settings) => train(recipe, settings, '--resume', '--no-progress');
  const checkpoints = async (stage: string) =>
    (await readdir(at('runs', 'broken', stage, 'checkpoints'))).sort();
  const steps = async (stage: string) => (await checkpoints(stage)).filter((name) => name.startsWith('step'));

  it(
    'goes through without any of it',
    async () => {
      const { code } = await train({ ...recipe, name: 'whole' }, {}, '--no-progress');
      expect(code).toBe(0);
    },
    timeout,
  );

  /** In the order in which they happen to one run. */
  it.each([
    ['its first checkpoint is half written', 'open', /1-see.*pending-step-00000001.*optimizer/, []],
    [
      'a checkpoint is whole and not in its place',
      'rename',
      /1-see.*pending-step-00000002-\d+$/,
      ['step-00000001'],
    ],
    ['an older checkpoint is being removed', 'rm', /1-see.*step-00000001-old/, ['step-00000002']],
  ] as const)(
    'is killed while %s',
    async (_, call, place, left) => {
      // Leftovers are removed before a run begins: only the call of a removal that follows a checkpoint counts.
      const nth = call === 'rm' ? 2 : 1;
      const { signal } = await resume({ killAt: { call, path: place, nth } });
      expect(signal).toBe('SIGKILL');
      expect(await steps('1-see')).toEqual(left);
      expect((await checkpoints('1-see')).length).toBe(left.length + 1);
    },
    timeout,
  );

  it(
    'is killed between two logs of one update, and while weights are half written',
    async () => {
      const line = await resume({ killAt: { call: 'appendFile', path: /2-read.*tfevents/, nth: 13 } });
      expect(line.signal).toBe('SIGKILL');
      expect(await metrics('broken', '2-read')).toHaveLength(12);
      expect(await checkpoints('2-read')).toEqual(['step-00000010']);
      const weights = await resume({ killAt: { call: 'open', path: /pending-step-00000020.*model/ } });
      expect(weights.signal).toBe('SIGKILL');
      expect(await steps('2-read')).toEqual(['step-00000010']);
    },
    timeout,
  );

  it(
    'finds the disk full: says so and what to do, and keeps the checkpoint it has',
    async () => {
      const newest = at('runs', 'broken', '2-read', 'checkpoints', 'step-00000010', 'model.safetensors');
      const before = await readFile(newest);
      const { code, stderr } = await resume({ fileLimit: (await stat(newest)).size / 2 });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^SAVE: .*step-00000020 could not be written: files may not become that large here\. What was there before is unchanged\. Make room and resume/m,
      );
      expect(await checkpoints('2-read')).toEqual(['step-00000010']);
      expect(await readFile(newest)).toEqual(before);
    },
    timeout,
  );

  it(
    'is interrupted: saves what it has, and says where to go on',
    async () => {
      // The name of a stage is printed at its first update.
      const { code, stderr } = await train(recipe, { interruptAt: /^read$/m }, '--resume');
      expect(code).toBe(130);
      const [, reached] =
        /after update (\d+) of 'read'; --resume goes on from there\.\nInterrupted\.\n$/.exec(
          stderr,
        ) as RegExpExecArray;
      expect((await steps('2-read')).at(-1)).toBe(`step-${reached.padStart(8, '0')}`);
      expect(Number(reached)).toBeLessThan(40);
    },
    timeout,
  );

  it(
    'is killed while the result is half written',
    async () => {
      const { signal } = await resume({ killAt: { call: 'open', path: /model\.pending.*pytorch_model/ } });
      expect(signal).toBe('SIGKILL');
      expect(await readdir(at('runs', 'broken'))).not.toContain('model');
    },
    timeout,
  );

  it(
    'and ends with the same weights, moments and metrics as if nothing had happened, to the last bit',
    async () => {
      expect((await resume()).code).toBe(0);
      const same = [
        ...['model.safetensors', 'optimizer.safetensors', 'state.json'].flatMap((file) => [
          path.join('1-see', 'checkpoints', 'step-00000003', file),
          path.join('2-read', 'checkpoints', 'step-00000030', file),
          path.join('2-read', 'checkpoints', 'step-00000040', file),
        ]),
        path.join('model', 'multimodal_encoder', 'pytorch_model.safetensors'),
      ];
      for (const file of same)
        expect(await readFile(at('runs', 'broken', file)), file).toEqual(
          await readFile(at('runs', 'whole', file)),
        );
      for (const stage of ['1-see', '2-read'])
        expect(await metrics('broken', stage)).toEqual(await metrics('whole', stage));
      expect(await checkpoints('1-see')).toEqual(['step-00000003']);
      expect(await checkpoints('2-read')).toEqual(['step-00000030', 'step-00000040']);
      expect((await readdir(at('runs', 'broken'))).sort()).toEqual([
        '1-see',
        '2-read',
        'model',
        'recipe.json',
      ]);
    },
    timeout,
  );
});
