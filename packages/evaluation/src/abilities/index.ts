import { EmuError } from '@emu-ts/base';
import type { AnswerTruth, SampleForm, Scene, ShapesSample } from '@emu-ts/data';
import { type Ability, type Case, lastTurn } from './ability.js';
import { documentCases } from './document.js';

const whole = (sample: ShapesSample<Scene>, form: SampleForm): Case[] => [lastTurn(sample, form)];

/** By what the answer has to name. */
const byAsked = (sample: ShapesSample<Scene>, form: SampleForm): Case[] => {
  const { truth } = sample.turns[sample.turns.length - 1];
  return [lastTurn(sample, form, groups[truth.kind === 'answer' ? truth.asked : 'story'])];
};

const groups: Readonly<Record<AnswerTruth['asked'] | 'story', string>> = {
  colour: 'colour',
  shape: 'shape',
  size: 'size',
  count: 'count',
  place: 'position',
  object: 'which object',
  'yes-no': 'yes or no',
  direction: 'direction',
  event: 'what happens',
  story: 'all in order',
};

/** The same question after its last 2, 4 and 8 examples, so that the numbers of examples can be compared. */
const byShots = (sample: ShapesSample<Scene>, form: SampleForm): Case[] =>
  sample.turns.length < 9
    ? []
    : [2, 4, 8].map((shots) =>
        lastTurn({ ...sample, turns: sample.turns.slice(-shots - 1) }, form, `${shots} shots`),
      );

const byObjects = (sample: ShapesSample<Scene>, form: SampleForm): Case[] => {
  const [{ truth }] = sample.turns;
  const count = truth.kind === 'image' ? truth.objects.length : 0;
  return [lastTurn(sample, form, count === 1 ? 'one object' : `${count === 2 ? 'two' : count} objects`)];
};

/** Everything that is measured, with the accuracy that is aimed at on combinations never seen in training. */
export const abilities: readonly Ability[] = [
  {
    name: 'caption',
    what: 'every attribute and relation right',
    goal: 0.95,
    tasks: ['caption'],
    cases: whole,
  },
  { name: 'question', what: 'questions about a picture', goal: 0.95, tasks: ['question'], cases: byAsked },
  {
    name: 'few-shot',
    what: 'the task given by examples alone',
    goal: 0.85,
    headline: '8 shots',
    tasks: ['few-shot'],
    cases: byShots,
  },
  {
    name: 'video',
    what: 'what moves, where, in which order',
    goal: 0.95,
    tasks: ['video-question', 'video-caption'],
    cases: byAsked,
  },
  {
    name: 'dialogue',
    what: 'questions that lean on earlier turns',
    goal: 0.9,
    tasks: ['dialogue'],
    cases: (sample, form) => (sample.turns.length < 2 ? [] : whole(sample, form)),
  },
  {
    name: 'text-to-image',
    what: 'all attributes of one and two objects',
    goal: 0.9,
    tasks: ['text-to-image'],
    cases: byObjects,
  },
  {
    name: 'in-context',
    what: 'the shape of one picture in the colour of another',
    goal: 0.8,
    tasks: ['in-context'],
    cases: whole,
  },
  { name: 'blend', what: 'what two pictures show, in one', goal: 0.8, tasks: ['blend'], cases: whole },
  {
    name: 'describe-and-draw',
    what: 'words and a picture in one reply',
    tasks: ['describe-and-draw'],
    cases: whole,
  },
  {
    name: 'document',
    what: 'text after a picture and a picture after text',
    form: 'document',
    tasks: ['document'],
    cases: documentCases,
  },
];

/** @throws EmuError `ABILITY` for a name that is none */
export function chooseAbilities(names: readonly string[] | undefined): readonly Ability[] {
  if (!names) return abilities;
  const known = abilities.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined || names.length === 0) {
    throw new EmuError(
      'ABILITY',
      `Got ${unknown === undefined ? 'no tasks' : `the task ${unknown}`}, wanted some of ${known.join(', ')}.`,
    );
  }
  return abilities.filter(({ name }) => names.includes(name));
}
