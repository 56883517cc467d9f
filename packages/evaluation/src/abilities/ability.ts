import type { Sequence } from '@emu-ts/contracts';
import type { SampleForm, Scene, ShapesSample, TaskName, Truth, Turn } from '@emu-ts/data';
import { promptOf } from '@emu-ts/data';
import { generate } from '@emu-ts/sequence';
import type { Wanted } from '../model.js';

/** One question to a model, as plain data. */
export interface Case {
  /** What kind of question it is, within its ability. */
  readonly group?: string | undefined;
  readonly prompt: Sequence<Scene>;
  readonly wanted: Wanted;
  readonly truth: Truth;
  /** A right reply. */
  readonly reply: Sequence<Scene>;
  /** Only the first sentence counts: pages go on after an answer. */
  readonly sentence: boolean;
}

/** Something a model can or cannot do, and how that is measured. */
export interface Ability {
  readonly name: string;
  readonly what: string;
  /** The accuracy that is aimed at. */
  readonly goal?: number | undefined;
  /** The group that the ability's own figure counts; all by default. */
  readonly headline?: string | undefined;
  /** Asked in this form whatever the model's own is. */
  readonly form?: SampleForm | undefined;
  readonly tasks: readonly TaskName[];
  /** What a sample is good for; none where it does not suit. */
  cases(sample: ShapesSample<Scene>, form: SampleForm): readonly Case[];
}

/** The last reply of a sample as a case. In a dialogue, too, a drawing is begun for the model. */
export function lastTurn(sample: ShapesSample<Scene>, form: SampleForm, group?: string): Case {
  const { truth, reply } = sample.turns[sample.turns.length - 1] as Turn<Scene>;
  const wanted = wantedBy(truth);
  const asked = promptOf(sample, form);
  const prompt = wanted === 'image' && form === 'dialogue' ? [...asked, generate] : asked;
  return { group, prompt, wanted, truth, reply, sentence: form === 'document' };
}

function wantedBy({ kind }: Truth): Wanted {
  if (kind === 'both') return 'both';
  return kind === 'image' ? 'image' : 'text';
}
