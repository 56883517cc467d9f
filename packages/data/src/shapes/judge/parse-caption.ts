import type { ObjectFacts } from '../world/scene.js';
import type { PlaceName, RelationName } from '../world/vocabulary.js';
import { type Token, tokens } from './words.js';

/** An object that a text speaks of. */
export interface Mention extends ObjectFacts {
  readonly place?: PlaceName | undefined;
}

/** What a caption claims. */
export interface CaptionFacts {
  readonly objects: readonly Mention[];
  /** `subject` and `object` are indices into `objects`. */
  readonly relations: readonly {
    readonly subject: number;
    readonly relation: RelationName;
    readonly object: number;
  }[];
  /** The number of objects, where it is said. */
  readonly count?: number | undefined;
  /** Words that mean nothing here. */
  readonly unknown: readonly string[];
}

type Draft = { -readonly [Name in keyof Mention]: Mention[Name] };

/**
 * Reads a caption in any of the allowed phrasings. `the red circle` is the object spoken of before, if one of them was;
 * `a red circle` is always another one.
 */
export function parseCaption(text: string): CaptionFacts {
  const objects: Draft[] = [];
  const relations: { subject: number; relation: RelationName; object: number }[] = [];
  const unknown: string[] = [];
  let count: number | undefined;
  let pending: { subject: number; relation: RelationName } | undefined;
  let latest = -1;
  let host = -1;
  const list = tokens(text);
  const mention = (index: number) => {
    if (pending) relations.push({ ...pending, object: index });
    pending = undefined;
    latest = index;
  };
  for (let at = 0; at < list.length; ) {
    const token = list[at];
    const noun = nounPhrase(list, at);
    if (noun) {
      at = noun.end;
      const known = noun.definite ? resolve(objects, noun.facts) : -1;
      if (known < 0) objects.push({ ...noun.facts });
      mention(known < 0 ? objects.length - 1 : known);
      continue;
    }
    at++;
    if (token.type === 'unknown') unknown.push(token.word);
    else if (token.type === 'with') host = latest;
    else if (token.type === 'it' && latest >= 0) mention(latest);
    else if (token.type === 'place' && latest >= 0) objects[latest].place = token.value;
    else if (token.type === 'number') {
      count = token.value;
      if (list[at]?.type === 'shape') at++;
    } else if (token.type === 'relation' && latest >= 0) {
      if (!token.toIt) pending = { subject: latest, relation: token.value };
      else if (host >= 0 && host !== latest)
        relations.push({ subject: latest, relation: token.value, object: host });
    }
  }
  return { objects, relations, ...(count === undefined ? {} : { count }), unknown };
}

/** An article, sizes and colours, and a shape or nothing; a bare `object` needs an article or something said of it. */
function nounPhrase(
  list: readonly Token[],
  start: number,
): { readonly facts: ObjectFacts; readonly definite: boolean; readonly end: number } | undefined {
  const facts: Draft = {};
  let definite = false;
  let words = 0;
  let end = start;
  const first = list[end];
  if (first?.type === 'article') {
    definite = first.definite;
    end++;
  }
  for (; end < list.length; end++, words++) {
    const token = list[end];
    if (token.type === 'size' && !facts.size) facts.size = token.value;
    else if (token.type === 'colour' && !facts.colour) facts.colour = token.value;
    else break;
  }
  const noun = list[end];
  if (noun?.type === 'shape') {
    facts.shape = noun.value;
    end++;
    words++;
    // `something red`
    const after = list[end];
    if (noun.value === undefined && after?.type === 'colour' && !facts.colour) {
      facts.colour = after.value;
      end++;
    } else if (noun.value === undefined && after?.type === 'size' && !facts.size) {
      facts.size = after.value;
      end++;
    }
  }
  if (facts.shape === undefined) delete facts.shape;
  return words > 0 ? { facts, definite, end } : undefined;
}

/** The one mention with which the facts agree, or −1. */
function resolve(objects: readonly ObjectFacts[], facts: ObjectFacts): number {
  const names = ['shape', 'colour', 'size'] as const;
  const agree = objects.flatMap((object, i) =>
    names.every((name) => facts[name] === undefined || object[name] === facts[name]) ? [i] : [],
  );
  return agree.length === 1 ? agree[0] : -1;
}
