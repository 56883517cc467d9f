import type { Sequence } from '@emu-ts/contracts';
import { Draws, type SampleForm, type Scene, type ShapesSample, sequenceOf } from '@emu-ts/data';
import { end, fillPrompt, prompts, text } from '@emu-ts/sequence';

/** How often a caption or an answer stands after the prompt that the app would use. */
const share = 0.25;

/**
 * A sample as a sequence to learn from: as the world lays it out, or, now and then, behind the prompts with which the
 * reference asks for captions and short answers, so that the app's own commands work on the small model.
 */
export function lesson(sample: ShapesSample<Scene>, form: SampleForm): Sequence<Scene> {
  const prompted = new Draws(sample.seed, sample.index, purpose).chance(share)
    ? promptedOf(sample, form)
    : undefined;
  return prompted ?? sequenceOf(sample, form);
}

const purpose = 0x70726f6d;

function promptedOf({ task, turns }: ShapesSample<Scene>, form: SampleForm): Sequence<Scene> | undefined {
  const [{ ask, reply }] = turns;
  const [image] = ask;
  const [said] = reply;
  if (image?.type !== 'image' || said?.type !== 'text') return undefined;
  if (task === 'caption' && form === 'document')
    return [...joined(fillPrompt(prompts.zeroShotCaption, { image }), said.text)];
  if (task === 'caption' && said.text.startsWith('a '))
    return [...joined(fillPrompt(prompts.caption, { image }), said.text), end];
  const [, question] = ask;
  if (task === 'question' && form === 'document' && question?.type === 'text')
    return [image, text(` based on the picture, ${question.text} short answer: ${said.text}`)];
  return undefined;
}

/** The words go on where the prompt ends. */
function joined(prompt: Sequence<Scene>, words: string): Sequence<Scene> {
  const last = prompt[prompt.length - 1];
  return last?.type === 'text'
    ? [...prompt.slice(0, -1), text(`${last.text} ${words}`)]
    : [...prompt, text(words)];
}

/** What the app puts around pictures and questions, for the tokenizer to know. */
export const promptTexts: readonly string[] = [
  prompts.zeroShotCaption.text,
  `${prompts.caption.user} ${prompts.caption.answer}`,
  ' based on the picture, short answer:',
].map((words) => words.replaceAll(/\{\w+\}/g, ''));
