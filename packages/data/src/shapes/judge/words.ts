import {
  type ColourName,
  colourNames,
  numberNames,
  type PlaceName,
  type RelationName,
  type ShapeName,
  type SizeName,
  shapeNames,
} from '../world/vocabulary.js';

/** One thing that a text says, in order: the words of a caption or an answer, sorted into what they mean. */
export type Token =
  | { readonly type: 'shape'; readonly value: ShapeName | undefined }
  | { readonly type: 'colour'; readonly value: ColourName }
  | { readonly type: 'size'; readonly value: SizeName }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'relation'; readonly value: RelationName; readonly toIt: boolean }
  | { readonly type: 'place'; readonly value: PlaceName }
  | { readonly type: 'article'; readonly definite: boolean }
  | { readonly type: 'it' }
  | { readonly type: 'with' }
  | { readonly type: 'stop' }
  | { readonly type: 'unknown'; readonly word: string };

const plural = (word: string): string[] => [word, word === 'cross' ? 'crosses' : `${word}s`];

/** Phrases and their meaning; the longest that fits wins. */
const phrases = new Map<string, Token | undefined>();
const mean = (words: readonly string[], token: Token | undefined) => {
  for (const phrase of words) phrases.set(phrase, token);
};

for (const value of shapeNames) mean(plural(value), { type: 'shape', value });
mean([...plural('object'), ...plural('thing'), ...plural('shape'), 'one', 'something'], {
  type: 'shape',
  value: undefined,
});
for (const value of colourNames) mean([value], { type: 'colour', value });
mean(['large', 'big'], { type: 'size', value: 'large' });
mean(['small', 'little'], { type: 'size', value: 'small' });
for (const [value, name] of numberNames.entries())
  if (value !== 1) mean([name, String(value)], { type: 'number', value });
mean(['no objects', 'none'], { type: 'number', value: 0 });
mean(['1', 'one object', 'one shape'], { type: 'number', value: 1 });
mean(['a', 'an'], { type: 'article', definite: false });
mean(['the', 'that', 'this'], { type: 'article', definite: true });
mean(['it'], { type: 'it' });
mean(['with'], { type: 'with' });
mean([',', ';', '.', ':', '?', '!'], { type: 'stop' });

const relations: Readonly<Record<RelationName, readonly string[]>> = {
  'left of': ['left of', 'to the left of', 'on the left of'],
  'right of': ['right of', 'to the right of', 'on the right of'],
  above: ['above', 'over', 'on top of'],
  below: ['below', 'under', 'beneath', 'underneath'],
};
for (const [value, words] of Object.entries(relations) as [RelationName, readonly string[]][]) {
  mean(words, { type: 'relation', value, toIt: false });
  mean(
    words.map((word) => `${word} it`),
    { type: 'relation', value, toIt: true },
  );
}
for (const side of ['left', 'right'] as const) {
  mean([`to its ${side}`, `on its ${side}`], { type: 'relation', value: `${side} of`, toIt: true });
}

const places: readonly (readonly [PlaceName, readonly string[]])[] = [
  ['top left', ['top left', 'upper left']],
  ['top', ['top']],
  ['top right', ['top right', 'upper right']],
  ['left', ['left', 'left side']],
  ['centre', ['centre', 'center', 'middle']],
  ['right', ['right', 'right side']],
  ['bottom left', ['bottom left', 'lower left']],
  ['bottom', ['bottom']],
  ['bottom right', ['bottom right', 'lower right']],
];
for (const [value, words] of places) {
  for (const word of words) {
    const starts = ['at the ', 'in the ', 'on the ', 'near the ', 'to the ', 'at ', ''];
    mean(
      starts.flatMap((start) => [`${start}${word}`, `${start}${word} corner`]),
      { type: 'place', value },
    );
  }
}

/** Words that say nothing by themselves. */
mean(
  [
    'there is',
    'there are',
    'is',
    'are',
    'and',
    'which',
    'picture',
    'image',
    'shows',
    'show',
    'depicts',
    'of',
    'photo',
    'we see',
    'i see',
    'you see',
    'here',
    'then',
    'comes',
    'next',
    'in all',
    'in the picture',
    'in the image',
    'has',
    'answer',
    'the picture',
    'the image',
    'this is',
    'that is',
    'it is',
    'a picture of',
    'an image of',
  ],
  undefined,
);

const longest = Math.max(...[...phrases.keys()].map((phrase) => phrase.split(' ').length));

/** The meaning of a text, word by word. Case does not matter. */
export function tokens(text: string): Token[] {
  const words = text.toLowerCase().match(/[a-z0-9]+|[,;.:?!]/g) ?? [];
  const out: Token[] = [];
  for (let at = 0; at < words.length; ) {
    let length = Math.min(longest, words.length - at);
    while (length > 0 && !phrases.has(words.slice(at, at + length).join(' '))) length--;
    const token =
      length > 0
        ? phrases.get(words.slice(at, at + length).join(' '))
        : { type: 'unknown' as const, word: words[at] };
    if (token) out.push(token);
    at += Math.max(1, length);
  }
  return out;
}
