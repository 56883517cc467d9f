import type { RgbImage } from '@emu-ts/media';
import type { ImageTruth, Truth } from '../words/truth.js';
import { fits, holds } from '../world/scene.js';
import { judgeAnswer, judgeEvents } from './judge-answer.js';
import { judgeCaption, right, type Verdict, wrong } from './judge-caption.js';
import { type FoundObject, parsePicture } from './parse-picture.js';

/** What a model replied: its words, and its images in order. */
export interface Reply {
  readonly text?: string | undefined;
  readonly images?: readonly RgbImage[] | undefined;
}

/** Whether a reply is right, by programs alone: no part of the judgement was learnt. */
export function judge(truth: Truth, { text = '', images = [] }: Reply): Verdict {
  switch (truth.kind) {
    case 'answer':
      return judgeAnswer(text, truth);
    case 'caption':
      return judgeCaption(text, truth.scene, { partial: truth.partial ?? false });
    case 'events':
      return judgeEvents(text, truth);
    case 'image':
      return judgeImages(images, [truth]);
    case 'document':
      return judgeImages(
        images,
        truth.scenes.map(({ objects }) => ({ kind: 'image', objects })),
      );
    case 'both': {
      const said = judgeCaption(text, truth.caption.scene);
      return said.correct ? judgeImages(images, [{ kind: 'image', ...truth.image }]) : said;
    }
  }
}

function judgeImages(images: readonly RgbImage[], truths: readonly ImageTruth[]): Verdict {
  if (images.length !== truths.length) return wrong(`${images.length} images, wanted ${truths.length}`);
  return truths.map((truth, i) => judgeImage(images[i], truth)).find(({ correct }) => !correct) ?? right;
}

/** Whether a picture shows the objects, no others, and the first in its relation to the second. */
export function judgeImage(image: RgbImage, truth: Pick<ImageTruth, 'objects' | 'relation'>): Verdict {
  const found = parsePicture(image);
  if (found.length !== truth.objects.length) {
    return wrong(`shows ${found.length} objects (${listed(found)}), wanted ${truth.objects.length}`);
  }
  return matches(found, truth, []) ? right : wrong(`shows ${listed(found)}`);
}

const listed = (found: readonly FoundObject[]): string =>
  found.map(({ size, colour, shape }) => `${size} ${colour} ${shape}`).join(', ') || 'nothing';

function matches(
  found: readonly FoundObject[],
  truth: Pick<ImageTruth, 'objects' | 'relation'>,
  chosen: readonly FoundObject[],
): boolean {
  const { objects, relation } = truth;
  if (chosen.length === objects.length)
    return relation === undefined || holds(relation, chosen[0], chosen[1]);
  return found.some(
    (object) =>
      !chosen.includes(object) &&
      fits(object, objects[chosen.length]) &&
      matches(found, truth, [...chosen, object]),
  );
}
