import { readdirSync } from 'node:fs';
import path from 'node:path';
import { toF64 } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { freshDirs } from '../../test/runs.js';
import { toyData, toyParts, toyWeights } from '../../test/toy.js';
import { parseRecipe, type Recipe } from './recipe.js';
import { runRecipe } from './run.js';
import { editDistance } from './schema.js';
import { planStage, rampAt, scheduleOf } from './stage.js';

const freshDir = freshDirs();

const stage = {
  name: 'see',
  objective: 'tagging',
  updates: 6,
  batch: 4,
  optimizer: { groups: [{ name: 'all', match: ['**'], rate: 1e-2 }] },
  schedule: { kind: 'cosine', warmup: 0.5 },
  checkpointEvery: 2,
};
const recipe = {
  name: 'toy',
  seed: 7,
  stages: [
    { ...stage, frozen: ['b.**'] },
    {
      ...stage,
      name: 'read',
      objective: 'interleaved',
      weights: {
        error: [
          [0, 1],
          [4, 3],
        ],
      },
    },
  ],
};

const problems = (json: unknown): string => {
  try {
    parseRecipe(json);
  } catch (error) {
    expect(error).toMatchObject({ code: 'RECIPE' });
    return (error as Error).message;
  }
  return expect.fail('the recipe was accepted');
};

it('reads a recipe back as it was written', () => {
  expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
});

it('names every unknown key, and what was probably meant', () => {
  const message = problems({
    ...recipe,
    stages: [{ ...stage, optimiser: 1, checkpointEvry: 2, schedule: { kind: 'cosin' }, colour: 'blue' }],
  });
  expect(message).toContain("'stages[0].optimiser' is not known here; did you mean 'optimizer'?");
  expect(message).toContain("'stages[0].checkpointEvry' is not known here; did you mean 'checkpointEvery'?");
  expect(message).toContain('got "cosin"; did you mean \'cosine\'?');
  expect(message).toMatch(/'stages\[0\]\.colour' is not known here; known are name, objective, /);
});

it('lists what is missing, of the wrong kind or out of range, with its place', () => {
  const message = problems({
    name: '',
    seed: 1.5,
    stages: [
      { ...stage, updates: 0, ema: 2, weights: { text: [[0, -1]] }, optimizer: { betas: [0.9], groups: [] } },
    ],
  });
  for (const part of [
    `'name' wanted a text, got ""`,
    `'seed' wanted a whole number from 0, got 1.5`,
    `'stages[0].updates' wanted a whole number from 1, got 0`,
    `'stages[0].ema' wanted a number from 0 to 1, got 2`,
    `'stages[0].weights.text[0][1]' wanted a number from 0, got -1`,
    `'stages[0].optimizer.betas' wanted a list of two`,
    `'stages[0].optimizer.groups' wanted a list of at least 1`,
  ]) {
    expect(message).toContain(part);
  }
  expect(problems({ ...recipe, stages: [{ ...stage, answersOnly: true, dropRate: 0 }] })).toBe(
    "The recipe: 'stages[0].answersOnly' is for interleaved stages, this one is tagging; " +
      "'stages[0].dropRate' is for diffusion stages, this one is tagging.",
  );
  expect(problems({ name: 'x' })).toContain("'stages' is missing");
  expect(problems([])).toContain('wanted an object, got []');
  expect(problems({ ...recipe, stages: [stage, stage] })).toContain("two stages are named 'see'");
});

it('turns a stage into rates, weights and precision', () => {
  const [first, second] = parseRecipe(recipe).stages;
  const plan = planStage(second);
  expect([0, 2, 4, 9].map((update) => plan.scalars(update)['weight.error'])).toEqual([1, 2, 3, 3]);
  expect(planStage(first).schedule(2)).toBe(1);
  expect(plan.optimizer).toMatchObject({ betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.05 });
  expect(planStage({ ...first, precision: 'f16' })).toMatchObject({ compute: 'f16', lossScaling: true });
  expect(planStage({ ...first, precision: 'bf16' })).toMatchObject({ compute: 'bf16', lossScaling: false });
  expect(
    rampAt([
      [10, 1],
      [20, 0],
    ])(5),
  ).toBe(1);
  expect(scheduleOf({ kind: 'milestones', warmup: 2, factors: { 5: 0.5 } }, 10)(6)).toBe(0.5);
  expect(scheduleOf({ kind: 'constant', warmup: 4 }, 10)(1)).toBe(0.5);
  expect(() => scheduleOf({ kind: 'milestones' }, 10)).toThrow(/needs 'factors'/);
});

it('knows how far apart words are', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('', 'abc')).toBe(3);
});

async function run(
  parsed: Recipe,
  dir: string,
  signal?: AbortSignal,
  onUpdate?: (stage: string, update: number) => void,
) {
  const weights = toyWeights();
  const final = await runRecipe(parsed, {
    executor: interpreter(),
    dir,
    weights,
    build: () => ({ ...toyParts, data: toyData() }),
    signal,
    onUpdate: (stage, { update }) => onUpdate?.(stage.name, update),
  });
  const out: Record<string, number[]> = {};
  for (const name of weights.entries.keys()) out[name] = [...toF64(await final.read(name))];
  await final.close();
  return out;
}

it('runs stage after stage, each from the weights before it, and resumes in the middle', async () => {
  const parsed = parseRecipe(recipe);
  const dir = freshDir();
  const made: string[] = [];
  const whole = await run(parsed, dir, undefined, (stage, update) => made.push(`${stage} ${update}`));
  expect(made).toEqual(
    [1, 2, 3, 4, 5, 6].map((n) => `see ${n}`).concat([1, 2, 3, 4, 5, 6].map((n) => `read ${n}`)),
  );
  expect(readdirSync(dir).sort()).toEqual(['1-see', '2-read']);
  expect(readdirSync(path.join(dir, '2-read')).sort()).toEqual([
    'checkpoints',
    'curves.svg',
    'metrics.jsonl',
    'tensorboard',
  ]);

  const start = toyWeights();
  const frozen = toF64(await start.read('b.weight'));
  const afterFirst = await run({ ...parsed, stages: parsed.stages.slice(0, 1) }, freshDir());
  expect(afterFirst['b.weight']).toEqual([...frozen]);
  expect(whole['b.weight']).not.toEqual([...frozen]);

  const broken = freshDir();
  const stopper = new AbortController();
  const stopped = run(parsed, broken, stopper.signal, (stage, update) => {
    if (stage === 'read' && update === 3) stopper.abort();
  });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  const again: string[] = [];
  expect(await run(parsed, broken, undefined, (stage, update) => again.push(`${stage} ${update}`))).toEqual(
    whole,
  );
  expect(again).toEqual(['read 4', 'read 5', 'read 6']);
});
