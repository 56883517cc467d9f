import type { Sequence } from '@emu-ts/contracts';
import {
  Draws,
  promptOf,
  type SampleForm,
  type Scene,
  type ShapesSample,
  sequenceOf,
  type Truth,
} from '@emu-ts/data';
import { end, fillPrompt, prompts, text } from '@emu-ts/sequence';

/** How often a caption or an answer stands after the prompt that the app would use. */
const share = 0.25;

/** A sequence to learn from, and where in it the model speaks. */
export interface Lesson {
  readonly whole: Sequence<Scene>;
  /** Turn after turn, the beginning of `whole` up to the reply and the beginning that ends with it. */
  readonly turns: readonly {
    readonly asked: Sequence<Scene>;
    readonly answered: Sequence<Scene>;
    readonly truth: Truth;
  }[];
}

/**
 * A sample as a lesson: as the world lays it out, or, now and then, behind the prompts with which the reference asks for
 * captions and short answers, so that the app's own commands work on the small model.
 */
export function lesson(sample: ShapesSample<Scene>, form: SampleForm): Lesson {
  const chosen = new Draws(sample.seed, sample.index, purpose).chance(share);
  return (chosen ? promptedOf(sample, form) : undefined) ?? plainOf(sample, form);
}

function plainOf(sample: ShapesSample<Scene>, form: SampleForm): Lesson {
  const turns = sample.turns.map(({ truth }, i) => ({
    truth,
    asked: promptOf(sample, form, i).filter(({ type }) => type !== 'generate'),
    answered: sequenceOf({ ...sample, turns: sample.turns.slice(0, i + 1) }, form),
  }));
  const whole = sequenceOf(sample, form);
  // Of examples that only show what is wanted, the first stands after nothing but a picture: anything could follow.
  if (sample.task === 'few-shot') return { whole, turns: turns.slice(1) };
  // So does what a storyboard says to its first picture, where a description is as likely.
  if (sample.task === 'storyboard' && form === 'document')
    return { whole, turns: [{ ...turns[0], asked: begun(whole) }] };
  return { whole, turns };
}

/** A story up to its second picture. */
function begun(story: Sequence<Scene>): Sequence<Scene> {
  const second = story.findIndex(
    ({ type }, i) => type === 'image' && story.slice(0, i).some((e) => e.type === 'image'),
  );
  return story.slice(0, second);
}

const purpose = 0x70726f6d;

function promptedOf({ task, turns }: ShapesSample<Scene>, form: SampleForm): Lesson | undefined {
  const [{ ask, reply, truth }] = turns;
  const [image] = ask;
  const [said] = reply;
  if (image?.type !== 'image' || said?.type !== 'text') return undefined;
  if (task === 'caption' && form === 'document')
    return goingOn(truth, fillPrompt(prompts.zeroShotCaption, { image }), said.text);
  if (task === 'caption' && said.text.startsWith('a '))
    return goingOn(truth, fillPrompt(prompts.caption, { image }), said.text, end);
  const [, question] = ask;
  if (task === 'question' && form === 'document' && question?.type === 'text')
    return goingOn(truth, [image, text(` based on the picture, ${question.text} short answer:`)], said.text);
  return undefined;
}

/** The words go on where the prompt ends. */
function goingOn(truth: Truth, asked: Sequence<Scene>, words: string, ...after: Sequence<Scene>): Lesson {
  const last = asked[asked.length - 1];
  const answered: Sequence<Scene> =
    last?.type === 'text' ? [...asked.slice(0, -1), text(`${last.text} ${words}`)] : [...asked, text(words)];
  const whole = [...answered, ...after];
  return { whole, turns: [{ asked, answered: whole, truth }] };
}

/** What the app puts around pictures and questions, for the tokenizer to know. */
export const promptTexts: readonly string[] = [
  prompts.zeroShotCaption.text,
  `${prompts.caption.user} ${prompts.caption.answer}`,
  ' based on the picture, short answer:',
].map((words) => words.replaceAll(/\{\w+\}/g, ''));
