import { EmuError } from '@emu-ts/base';
import type { DocumentTruth, Scene, ShapesSample, Turn } from '@emu-ts/data';
import { image, text } from '@emu-ts/sequence';
import { type Case, lastTurn } from './ability.js';

interface Part {
  readonly scene: Scene;
  readonly words: string;
  readonly imageFirst: boolean;
}

/**
 * A page of pictures, each with its words before or after it. Where a page has both orders, the model is asked to go
 * on at one place of each kind: words after a picture (the first words are given, so that it is clear which picture they
 * are about), and a picture after words.
 */
export function documentCases(sample: ShapesSample<Scene>): Case[] {
  const parts = partsOf(sample);
  const [told, shown] = [true, false].map((order) =>
    parts.findIndex(({ imageFirst }) => imageFirst === order),
  );
  if (told < 0 || shown < 0) return [];
  const { scene, words } = parts[told];
  const opening = /^(here is|we see|then comes|next is|and here is)\b/.exec(words)?.[0] ?? '';
  const { scene: drawn, words: first } = parts[shown];
  return [
    goOn(sample, 'text after image', {
      ask: [...lay(parts.slice(0, told)), image(scene), text(opening)],
      reply: [text(words.slice(opening.length).trim())],
      truth: { kind: 'caption', scene },
    }),
    goOn(sample, 'image after text', {
      ask: [...lay(parts.slice(0, shown)), text(first)],
      reply: [image(drawn)],
      truth: { kind: 'image', objects: drawn.objects },
    }),
  ];
}

const goOn = (sample: ShapesSample<Scene>, group: string, turn: Turn<Scene>): Case =>
  lastTurn({ ...sample, turns: [turn] }, 'document', group);

function partsOf(sample: ShapesSample<Scene>): Part[] {
  const [{ reply, truth }] = sample.turns;
  const { scenes } = truth as DocumentTruth;
  return scenes.map((scene, i) => {
    const pair = [reply[2 * i], reply[2 * i + 1]];
    const words = pair.find((element) => element.type === 'text');
    if (words?.type !== 'text')
      throw new EmuError('SAMPLE', `Picture ${i} of a document has no words beside it.`);
    return { scene, words: words.text, imageFirst: pair[0].type === 'image' };
  });
}

const lay = (parts: readonly Part[]) =>
  parts.flatMap(({ scene, words, imageFirst }) =>
    imageFirst ? [image(scene), text(words)] : [text(words), image(scene)],
  );
