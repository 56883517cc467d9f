import { readCharsmap } from './charsmap.js';
import { type SentencePieceModel, spaceSymbol } from './model.js';
import { createUserDefined } from './user-defined.js';

/** A whole chunk of text in the form whose characters the pieces are made of. */
export type Normalize = (text: string) => string;

/**
 * SentencePiece's normaliser under the model's own flags: rewriting rules (none for LLaMA), runs of spaces made
 * one, the dummy prefix, and spaces as `▁`. Lone surrogates, which have no UTF-8, become U+FFFD.
 */
export function createNormalizer(model: SentencePieceModel): Normalize {
  const { precompiledCharsmap, addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = model.normalizer;
  const rewrite = precompiledCharsmap.length > 0 ? readCharsmap(precompiledCharsmap) : undefined;
  const userDefined = createUserDefined(model);
  const space = escapeWhitespaces ? spaceSymbol : ' ';
  const prefix = addDummyPrefix ? space : '';
  const markSpaces = (text: string) => (escapeWhitespaces ? text.replaceAll(' ', spaceSymbol) : text);

  /** What stands at a position after rewriting, and how much of the text it covers. */
  const next = (text: string, at: number): readonly [string, number] => {
    const fixed = userDefined(text, at);
    if (fixed) return [fixed, fixed.length];
    const rule = rewrite?.(text, at);
    if (rule) return [rule.replacement, rule.length];
    const character = String.fromCodePoint(text.codePointAt(at)!);
    return [character, character.length];
  };

  return (raw) => {
    const text = raw.replace(/\p{Surrogate}/gu, '\ufffd');
    if (text === '') return '';
    if (!rewrite && !removeExtraWhitespaces) return prefix + markSpaces(text);

    let at = 0;
    for (let ahead = removeExtraWhitespaces; ahead && at < text.length; ) {
      const [chunk, length] = next(text, at);
      ahead = chunk === ' ';
      if (ahead) at += length;
    }
    if (at === text.length) return '';
    let out = prefix;
    let afterSpace = removeExtraWhitespaces;
    while (at < text.length) {
      const [chunk, length] = next(text, at);
      const kept = afterSpace ? chunk.replace(/^ +/, '') : chunk;
      out += markSpaces(kept);
      if (kept !== '') afterSpace = removeExtraWhitespaces && kept.endsWith(' ');
      at += length;
    }
    while (removeExtraWhitespaces && out.endsWith(space)) out = out.slice(0, -space.length);
    return out;
  };
}
