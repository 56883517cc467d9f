import { EmuError } from '@emu-ts/base';

/** Some of these names, or how often each comes relative to the others; those left out never come. */
export type Weights<Name extends string> = { readonly [N in Name]?: number | undefined } | readonly Name[];

/** A weight for each of the names, every one alike by default. @throws EmuError `WORLD` for other names or weights. */
export function weightsOf<Name extends string>(
  what: string,
  names: readonly Name[],
  wanted: Weights<Name> = names,
): number[] {
  const weights: Readonly<Record<string, number | undefined>> = isList(wanted)
    ? Object.fromEntries(wanted.map((name) => [name, 1]))
    : wanted;
  const known: readonly string[] = names;
  const unknown = Object.keys(weights).find((name) => !known.includes(name));
  const odd = Object.keys(weights).find((name) => !((weights[name] ?? 0) >= 0));
  const all = names.map((name) => weights[name] ?? 0);
  if (unknown === undefined && odd === undefined && all.some((weight) => weight > 0)) return all;
  const got =
    unknown !== undefined
      ? `the ${what} ${unknown}`
      : odd !== undefined
        ? `weight ${weights[odd]} for ${odd}`
        : `no ${what}s`;
  throw new EmuError('WORLD', `Got ${got}, wanted positive weights for some of ${names.join(', ')}.`);
}

const isList = <Name extends string>(wanted: Weights<Name>): wanted is readonly Name[] =>
  Array.isArray(wanted);
