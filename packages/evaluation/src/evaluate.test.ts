import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { drawScene, type SampleForm } from '@emu-ts/data';
import { rgbImage } from '@emu-ts/media';
import { imagesOf, mapImages } from '@emu-ts/sequence';
import { describe, expect, it } from 'vitest';
import {
  abilities,
  casesOf,
  evaluateShapes,
  formatReport,
  type ModelReply,
  plainReport,
  type ShapesModel,
  wilson,
} from './index.js';

const options = { seed: 11, n: 6 };

/** What tells prompts apart: their words and their pixels. */
const keyOf = (prompt: Sequence<RgbImage>): string =>
  JSON.stringify(
    mapImages(prompt, ({ data }) =>
      data.reduce((sum, byte, i) => (sum * 31 + byte * (i + 1)) % 1_000_000_007, 7),
    ),
  );

/** Knows every right reply by its prompt, and remembers how it was asked. */
class Oracle implements ShapesModel {
  readonly asked: { readonly prompts: number; readonly wanted: string }[] = [];
  readonly #known = new Map<string, ModelReply>();

  constructor(readonly form: SampleForm) {
    const draw = (scene: Parameters<typeof drawScene>[0]) => drawScene(scene);
    for (const ability of abilities) {
      for (const { prompt, reply } of casesOf(ability, form, options)) {
        const text = reply.map((element) => (element.type === 'text' ? element.text : '')).join(' ');
        this.#known.set(keyOf(mapImages(prompt, draw)), { text, images: imagesOf(mapImages(reply, draw)) });
      }
    }
  }

  async reply(prompts: readonly Sequence<RgbImage>[], { wanted }: { wanted: string }): Promise<ModelReply[]> {
    this.asked.push({ prompts: prompts.length, wanted });
    return prompts.map((prompt) => this.#known.get(keyOf(prompt)) ?? {});
  }
}

/** Says and shows the same to everything. */
const answering = (reply: ModelReply): ShapesModel => ({
  form: 'document',
  reply: async (prompts) => prompts.map(() => reply),
});

describe('evaluateShapes', () => {
  it.each(['document', 'dialogue'] as const)(
    'finds a model that knows the truth right in everything: %s',
    async (form) => {
      const oracle = new Oracle(form);
      const report = await evaluateShapes(oracle, { ...options, batch: 4 });
      expect(report.abilities.flatMap(({ failures }) => failures)).toEqual([]);
      for (const { count, accuracy, met, goal } of report.abilities) {
        expect({ accuracy, met }).toEqual({ accuracy: 1, met: goal === undefined ? undefined : true });
        expect(count).toBeGreaterThanOrEqual(options.n);
      }
      expect(report.abilities.map(({ ability }) => ability)).toEqual(abilities.map(({ name }) => name));
      expect(Math.max(...oracle.asked.map(({ prompts }) => prompts))).toBe(4);
      const fewShot = report.abilities.find(({ ability }) => ability === 'few-shot');
      expect(Object.keys(fewShot?.groups ?? {})).toEqual(['2 shots', '4 shots', '8 shots']);
      expect(formatReport(report)).toContain('few-shot (8 shots)');
    },
  );

  it('finds a model that is always wrong right in nothing, and says why', async () => {
    const grey = rgbImage(64, 64, new Uint8Array(3 * 64 * 64).fill(120));
    const report = await evaluateShapes(answering({ text: 'a banana.', images: [grey] }), {
      ...options,
      failures: 3,
    });
    for (const { correct, met, failures, groups } of report.abilities) {
      expect(correct).toBe(0);
      expect(met).not.toBe(true);
      expect(failures).toHaveLength(3);
      for (const group of Object.values(groups)) expect(group.accuracy).toBe(0);
      for (const { reason, prompt, wanted } of failures)
        for (const words of [reason, prompt, wanted]) expect(words).not.toBe('');
    }
    const [caption] = report.abilities;
    expect(caption.failures[0]).toMatchObject({ prompt: '[image]', reply: 'a banana. [image]' });
    expect(caption.failures[0].pictures.prompt[0].width).toBe(64);
    expect(JSON.stringify(plainReport(report))).not.toContain('"pictures":');
  });

  it('counts what is right, and only the first sentence of a page', async () => {
    const yes = answering({ text: 'yes. the red circle moves left and then no.' });
    const {
      abilities: [question],
    } = await evaluateShapes(yes, { seed: 3, n: 60, tasks: ['question'] });
    const group = question.groups['yes or no'];
    expect(group.correct).toBeGreaterThan(0);
    expect(group.correct).toBeLessThan(group.count);
    expect(question.correct).toBe(group.correct);
    expect(question.count).toBe(Object.values(question.groups).reduce((sum, { count }) => sum + count, 0));
    expect(question.interval).toEqual(wilson(question.correct, question.count));
  });

  it('does not depend on the batch, and asks the same of every model', async () => {
    const seen: string[][] = [];
    for (const batch of [1, 5]) {
      const keys: string[] = [];
      await evaluateShapes(
        {
          form: 'dialogue',
          reply: async (prompts) => {
            keys.push(...prompts.map(keyOf));
            return prompts.map(() => ({}));
          },
        },
        { seed: 5, n: 5, tasks: ['caption', 'blend'], batch },
      );
      seen.push(keys.sort());
    }
    expect(seen[0]).toEqual(seen[1]);
  });

  it('takes a refusal for a wrong answer', async () => {
    const report = await evaluateShapes(answering({ refused: 'too long' }), {
      ...options,
      tasks: ['caption'],
    });
    expect(report.abilities[0].failures[0].reason).toBe('refused: too long');
  });

  it('tells how far it is, and stops with its signal', async () => {
    const controller = new AbortController();
    const told: number[] = [];
    const running = evaluateShapes(answering({}), {
      seed: 1,
      n: 8,
      batch: 4,
      tasks: ['caption', 'blend'],
      signal: controller.signal,
      onProgress: ({ loaded, total }) => {
        told.push(loaded);
        if (total === 16 && loaded === 12) controller.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(told).toEqual([4, 8, 12]);
  });

  it.each([
    [
      'an unknown task',
      { tasks: ['captions'] },
      'ABILITY',
      'Got the task captions, wanted some of caption, ',
    ],
    ['no tasks', { tasks: [] }, 'ABILITY', 'Got no tasks'],
    ['no samples', { n: 0 }, 'OPTION', 'n is 0'],
    ['half a batch', { batch: 0.5 }, 'OPTION', 'batch is 0.5'],
  ])('says what is wrong: %s', async (_, wrong, code, message) => {
    const running = evaluateShapes(answering({}), { ...options, ...wrong });
    await expect(running).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('gives up on a world that has no suitable samples', () => {
    const never = { ...abilities[0], cases: () => [] };
    expect(() => casesOf(never, 'document', options)).toThrow(
      'This world gives no samples that test caption.',
    );
  });

  it('says when a model loses replies', async () => {
    const model: ShapesModel = { form: 'document', reply: async () => [] };
    await expect(evaluateShapes(model, { ...options, tasks: ['caption'] })).rejects.toMatchObject({
      code: 'REPLIES',
    });
  });
});

describe('wilson', () => {
  it('gives the intervals of the literature', () => {
    // Newcombe (1998), table I: score method without continuity correction.
    const cases = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [correct, count, low, high] of cases) {
      const found = wilson(correct, count).map((bound) => Math.round(bound * 1e4) / 1e4);
      expect(found).toEqual([low, high]);
    }
    expect(wilson(0, 0)).toEqual([0, 1]);
  });
});
