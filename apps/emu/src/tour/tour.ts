import type { CallOptions } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { drawScene, judge, type Scene } from '@emu-ts/data';
import { abilities, casesOf, firstSentence, type ShapesModel } from '@emu-ts/evaluation';
import { imagesOf, mapImages } from '@emu-ts/sequence';

/** One thing that a model was asked, and what came of it. */
export interface Stop {
  readonly title: string;
  /** With `[1]`, `[2]`, … for pictures. */
  readonly asked: string;
  readonly given: readonly RgbImage[];
  readonly text: string;
  readonly made: readonly RgbImage[];
  /** What the world's own judge says. */
  readonly correct: boolean;
  readonly reason: string;
}

export interface TourOptions extends CallOptions {
  readonly seed: number;
}

const titles: Readonly<Record<string, string>> = {
  caption: 'Caption a picture',
  question: 'Answer a question',
  'few-shot': 'Learn a task from examples',
  video: 'Follow a video',
  dialogue: 'Talk about a picture',
  'text-to-image': 'Draw what words say',
  'in-context': 'The shape of one picture in the colour of another',
  blend: 'Blend two pictures',
  'describe-and-draw': 'Words and a picture in one reply',
};

/** A walk through every ability that the model's form has, with one prompt each of combinations it has never seen. */
export async function* tour(model: ShapesModel, { seed, signal }: TourOptions): AsyncGenerator<Stop> {
  for (const ability of abilities) {
    const title = titles[ability.name];
    // Pages, unlike dialogues, do not teach a model to open pictures by itself.
    const tuned = ability.name === 'describe-and-draw';
    if (!title || (tuned && model.form === 'document')) continue;
    signal?.throwIfAborted();
    const [one] = casesOf(ability, model.form, { seed, n: 1 });
    const prompt = mapImages(one.prompt, (scene: Scene) => drawScene(scene));
    const [reply] = await model.reply([prompt], { wanted: one.wanted, maxNewTokens: 80, seed, signal });
    const text = one.sentence ? firstSentence(reply.text ?? '') : (reply.text ?? '').trim();
    const { correct, reason } = judge(one.truth, { ...reply, text });
    yield {
      title,
      asked: words(prompt),
      given: imagesOf(prompt),
      text,
      made: reply.images ?? [],
      correct,
      reason: reason ?? '',
    };
  }
}

function words(prompt: Sequence<RgbImage>): string {
  let number = 0;
  const next = (count: number): string => {
    number += count;
    return count === 1 ? `[${number}]` : `[${number - count + 1}–${number}]`;
  };
  return prompt
    .map((element) => {
      if (element.type === 'text') return element.text;
      if (element.type === 'image') return next(1);
      if (element.type === 'video') return next(element.frames.length);
      return element.type === 'role' && number > 0 ? '/' : '';
    })
    .filter((part) => part !== '')
    .join(' ');
}
