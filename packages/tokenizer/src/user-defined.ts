import { kinds, type SentencePieceModel } from './model.js';

/** The user-defined piece that stands at a position of a text, the longest if several do. Never rewritten or merged. */
export type MatchUserDefined = (text: string, at: number) => string | undefined;

export function createUserDefined({ pieces }: SentencePieceModel): MatchUserDefined {
  const fixed = pieces.filter(({ type }) => type === kinds.userDefined).map(({ piece }) => piece);
  if (fixed.length === 0) return () => undefined;
  const pattern = alternatives(fixed, 'y');
  return (text, at) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
}

/** A pattern that matches any of the texts, the longest where several begin alike. */
export function alternatives(texts: Iterable<string>, flags: string): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((t) => t.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), flags);
}
