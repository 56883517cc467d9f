import type { Tokenizer } from '@emu-ts/contracts';
import {
  colourNames,
  type Facts,
  isHeldOutObject,
  type ObjectFacts,
  shapeNames,
  sizeNames,
  type Truth,
} from '@emu-ts/data';

/** Part of a sequence that the model speaks: tokens `from` to `to`, and what makes it right. */
export interface Spoken {
  readonly from: number;
  readonly to: number;
  readonly truth: Truth;
}

/** Pieces that are not among the choices, by position. */
type Excluded = ReadonlyMap<number, readonly number[]>;

/** Whether training keeps back every object of which this is true. */
const isKeptBack = ({ colour, shape, size }: ObjectFacts): boolean =>
  colour !== undefined &&
  shape !== undefined &&
  (size ? [size] : sizeNames).every((one) => isHeldOutObject({ colour, shape, size: one }));

const namesOf = { colour: colourNames, shape: shapeNames, size: sizeNames } as const;
type Attribute = keyof typeof namesOf;

/** Other colours, shapes or sizes that an object cannot have in training. */
const never = (object: ObjectFacts, what: Attribute): readonly string[] =>
  namesOf[what].filter((other) => other !== object[what] && isKeptBack({ ...object, [what]: other }));

/**
 * Whether only a combination that training keeps back would make the answer another one. Such a question always has the same
 * answer in training (“is there a red star?” “no.”), which would be learnt instead of looking.
 */
export const asksForKeptBack = (truth: Truth): boolean =>
  truth.kind === 'answer' && truth.asked === 'yes-no' && isKeptBack(truth.about ?? {});

/**
 * Names that cannot stand where they would make a combination that training keeps back: after “a large red” the choice is
 * not to be between all shapes but between those that could have been there, or texts would teach that the others are
 * wrong, whatever the picture shows. So are sizes before such names, short answers, and what things change their colour to.
 */
export function keptBack(
  tokenizer: Tokenizer,
): (ids: ArrayLike<number>, spoken: readonly Spoken[]) => Excluded {
  const piece = (word: string) => tokenizer.encode(`a ${word}`).at(-1) as number;
  const pieces = (words: readonly string[]) => words.map(piece);
  const tableOf = <T extends string>(names: readonly T[]) =>
    new Map(names.map((name) => [piece(name), name]));
  const [colours, shapes, sizes] = [tableOf(colourNames), tableOf(shapeNames), tableOf(sizeNames)];
  const changes = new Set(pieces(['becomes', 'turns']));

  return (ids, spoken) => {
    const found = new Map<number, readonly number[]>();
    /** What stands at a position is never left out itself. */
    const exclude = (at: number, object: ObjectFacts, what: Attribute) => {
      const names = never(object, what);
      if (names.length && ids[at] === piece(String(object[what]))) found.set(at, pieces(names));
    };
    for (let at = 1; at < ids.length; at++) {
      const [size, colour, shape] = [sizes.get(ids[at - 2]), colours.get(ids[at - 1]), shapes.get(ids[at])];
      if (!colour || !shape) continue;
      exclude(at, { size, colour, shape }, 'shape');
      if (size) exclude(at - 2, { size, colour, shape }, 'size');
    }
    for (const { from, to, truth } of spoken) {
      const within = Array.from({ length: to - from }, (_, i) => from + i);
      if (truth.kind === 'answer' && truth.about && truth.asked in namesOf) {
        const at = within.find((i) => ids[i] === piece(String(truth.value)));
        if (at !== undefined) exclude(at, truth.about, truth.asked as Attribute);
      }
      if (truth.kind === 'events') {
        const changed: Facts[] = truth.events.flatMap(({ object, colour }) =>
          colour ? [{ ...object, colour }] : [],
        );
        // A story begins before the model goes on with it.
        const upTo = Array.from({ length: to }, (_, i) => i);
        const places = upTo.filter((i) => colours.has(ids[i]) && changes.has(ids[i - 1]));
        for (const [i, object] of changed.entries()) if (i in places) exclude(places[i], object, 'colour');
      }
    }
    return found;
  };
}
