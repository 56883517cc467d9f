import { type CallOptions, EmuError } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { drawScene, judge, type Scene, type WorldOptions } from '@emu-ts/data';
import { imagesOf, mapImages } from '@emu-ts/sequence';
import type { Ability } from './abilities/ability.js';
import { chooseAbilities } from './abilities/index.js';
import { casesOf, type NumberedCase } from './cases.js';
import { wilson } from './interval.js';
import type { ModelReply, ShapesModel } from './model.js';
import type { AbilityReport, Failure, Score, ShapesReport } from './report.js';

export interface EvaluateOptions extends CallOptions {
  /** Of the samples and of what the model draws at random. Take one that training did not use. */
  readonly seed: number;
  /** Samples per ability. */
  readonly n: number;
  /** Abilities to measure; all by default. */
  readonly tasks?: readonly string[] | undefined;
  /** Which scenes. By default every one shows a combination that training never shows (`split: 'test'`). */
  readonly world?: WorldOptions | undefined;
  /** Side of the pictures in pixels; 64 by default. */
  readonly size?: number | undefined;
  /** Prompts that the model is given at a time; 16 by default. */
  readonly batch?: number | undefined;
  /** Longest reply; 64 by default. */
  readonly maxNewTokens?: number | undefined;
  /** Wrong replies kept of each ability; 20 by default. */
  readonly failures?: number | undefined;
}

interface Judged {
  readonly case: NumberedCase;
  readonly failure?: Failure | undefined;
}

/**
 * Scores a model on the shapes world against the world's own truth. Dialogues and examples show the right earlier
 * replies, so that every answer is judged by itself. `onProgress` counts replies in phase `evaluate`.
 *
 * @throws EmuError `ABILITY` for an unknown task, `OPTION` for a number that cannot be, `REPLIES` when the model gives
 *   more or fewer replies than prompts
 */
export async function evaluateShapes(model: ShapesModel, options: EvaluateOptions): Promise<ShapesReport> {
  const { seed, n, world = {}, batch = 16 } = options;
  for (const [name, value] of Object.entries({ n, batch })) {
    if (!Number.isInteger(value) || value < 1)
      throw new EmuError('OPTION', `${name} is ${value}, wanted a whole number from 1 on.`);
  }
  const started = performance.now();
  const chosen = chooseAbilities(options.tasks);
  const work = chosen.map((ability) => ({
    ability,
    cases: casesOf(ability, model.form, { ...world, seed, n }),
  }));
  const total = work.reduce((sum, { cases }) => sum + cases.length, 0);
  let loaded = 0;
  const reports: AbilityReport[] = [];
  for (const { ability, cases } of work) {
    const judged: Judged[] = [];
    for (const group of batches(cases, batch)) {
      options.signal?.throwIfAborted();
      judged.push(...(await answer(model, group, options)));
      loaded += group.length;
      options.onProgress?.({ phase: 'evaluate', component: ability.name, loaded, total });
    }
    reports.push(reportOf(ability, judged, options.failures ?? 20));
  }
  const seconds = (performance.now() - started) / 1000;
  return { seed, n, split: world.split ?? 'test', form: model.form, seconds, abilities: reports };
}

/** Cases that want the same kind of reply, so many at a time; those of like length together. */
function batches(cases: readonly NumberedCase[], size: number): NumberedCase[][] {
  const length = ({ prompt }: NumberedCase) => imagesOf(prompt).length;
  const kinds = groupBy(cases, ({ wanted }) => wanted);
  return [...kinds.values()].flatMap((same) => {
    const sorted = same.toSorted((a, b) => length(a) - length(b));
    return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
      sorted.slice(i * size, (i + 1) * size),
    );
  });
}

async function answer(
  model: ShapesModel,
  cases: readonly NumberedCase[],
  { seed, size, maxNewTokens = 64, signal }: EvaluateOptions,
): Promise<Judged[]> {
  const prompts = cases.map(({ prompt }) => mapImages(prompt, (scene: Scene) => drawScene(scene, size)));
  const { wanted } = cases[0];
  const replies = await model.reply(prompts, { wanted, maxNewTokens, seed, signal });
  if (replies.length !== prompts.length)
    throw new EmuError('REPLIES', `The model gave ${replies.length} replies to ${prompts.length} prompts.`);
  return cases.map((one, i) => ({ case: one, failure: failureOf(one, prompts[i], replies[i]) }));
}

function failureOf(one: NumberedCase, prompt: Sequence<RgbImage>, reply: ModelReply): Failure | undefined {
  const text = one.sentence ? firstSentence(reply.text ?? '') : (reply.text ?? '').trim();
  const images = reply.images ?? [];
  const verdict = reply.refused === undefined ? judge(one.truth, { text, images }) : undefined;
  if (verdict?.correct) return undefined;
  return {
    group: one.group,
    index: one.index,
    prompt: show(prompt),
    wanted: show(one.reply),
    reply: `${text}${' [image]'.repeat(images.length)}`.trim(),
    reason: verdict ? (verdict.reason ?? 'wrong') : `refused: ${reply.refused}`,
    pictures: { prompt: imagesOf(prompt), reply: images },
  };
}

/** Up to its first full stop. */
export const firstSentence = (text: string): string => (/^[^.]*\.?/.exec(text.trim()) as RegExpExecArray)[0];

/** A sequence in words. */
function show(sequence: Sequence<unknown>): string {
  const parts = sequence.map((element) => {
    if (element.type === 'text') return element.text;
    if (element.type === 'role') return `${element.role}:`;
    if (element.type === 'video') return `[video of ${element.frames.length}]`;
    return element.type === 'image' ? '[image]' : '';
  });
  return parts.filter((part) => part !== '').join(' ');
}

function reportOf(ability: Ability, judged: readonly Judged[], kept: number): AbilityReport {
  const { name, what, goal, headline } = ability;
  const grouped = judged.filter(({ case: { group } }) => group !== undefined);
  const named = groupBy(grouped, ({ case: { group } }) => group as string);
  const groups = Object.fromEntries([...named].map(([group, some]) => [group, score(some)]));
  const total = headline === undefined ? score(judged) : (groups[headline] ?? score([]));
  return {
    ability: name,
    what,
    ...total,
    ...(headline === undefined ? {} : { headline }),
    ...(goal === undefined ? {} : { goal, met: total.accuracy >= goal }),
    groups,
    failures: judged.flatMap(({ failure }) => failure ?? []).slice(0, kept),
  };
}

function score(judged: readonly Judged[]): Score {
  const count = judged.length;
  const correct = judged.filter(({ failure }) => failure === undefined).length;
  return { count, correct, accuracy: count ? correct / count : 0, interval: wilson(correct, count) };
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
