import type { Tokenizer } from '@emu-ts/contracts';
import { colourNames, isHeldOutObject, type ShapeName, shapeNames, sizeNames } from '@emu-ts/data';

/**
 * By position, the shapes that cannot follow because training keeps their combination back: after “a large red” the
 * choice is not to be between all shapes but between those that could have been there, or texts would teach that the
 * others are wrong, whatever the picture shows.
 */
export function neverShown(
  tokenizer: Tokenizer,
): (ids: ArrayLike<number>) => ReadonlyMap<number, readonly number[]> {
  const piece = (word: string) => tokenizer.encode(`a ${word}`).at(-1) as number;
  const colours = new Map(colourNames.map((name) => [piece(name), name]));
  const sizes = new Map(sizeNames.map((name) => [piece(name), name]));
  const shapes = new Map<number, ShapeName>(shapeNames.map((name) => [piece(name), name]));
  return (ids) => {
    const found = new Map<number, readonly number[]>();
    for (let at = 1; at < ids.length; at++) {
      const colour = colours.get(ids[at - 1]);
      if (!colour || !shapes.has(ids[at])) continue;
      const size = sizes.get(ids[at - 2]);
      const possible = size ? [size] : sizeNames;
      const never = [...shapes].filter(([, shape]) =>
        possible.every((one) => isHeldOutObject({ colour, shape, size: one })),
      );
      if (never.length)
        found.set(
          at,
          never.map(([id]) => id),
        );
    }
    return found;
  };
}
