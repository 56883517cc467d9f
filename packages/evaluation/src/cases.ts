import { EmuError } from '@emu-ts/base';
import { makeSample, type SampleForm, type WorldOptions } from '@emu-ts/data';
import type { Ability, Case } from './abilities/ability.js';

export interface CaseOptions extends WorldOptions {
  readonly seed: number;
  /** Samples; those that give several cases give all of them. */
  readonly n: number;
}

/** A case and the number of its sample, by which it can be made again. */
export interface NumberedCase extends Case {
  readonly index: number;
}

/** Samples that do not suit are passed over; so many in a row mean that none ever will. */
const patience = 1000;

/** The cases of an ability: they depend on the options alone. */
export function casesOf(ability: Ability, form: SampleForm, { n, ...options }: CaseOptions): NumberedCase[] {
  const cases: NumberedCase[] = [];
  const world = { split: 'test', ...options, tasks: ability.tasks } as const;
  for (let index = 0, found = 0, missed = 0; found < n; index++) {
    const made = ability.cases(makeSample(world, index), ability.form ?? form);
    cases.push(...made.map((one) => ({ ...one, index })));
    if (made.length > 0) found++;
    missed = made.length > 0 ? 0 : missed + 1;
    if (missed > patience)
      throw new EmuError('WORLD', `This world gives no samples that test ${ability.name}.`, {
        hint: 'Allow more objects, or leave the task out.',
      });
  }
  return cases;
}
