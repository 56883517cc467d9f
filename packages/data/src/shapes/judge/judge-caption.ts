import { fits, holds, isClearlyPlaced, placeOf, type Scene, type SceneObject } from '../world/scene.js';
import { placeNames } from '../world/vocabulary.js';
import { type CaptionFacts, type Mention, parseCaption } from './parse-caption.js';

/** A verdict, and in words why not. */
export interface Verdict {
  readonly correct: boolean;
  readonly reason?: string | undefined;
}

export const right: Verdict = { correct: true };
export const wrong = (reason: string): Verdict => ({ correct: false, reason });

/**
 * Whether a caption is true of a scene and, unless `partial`, says everything: of each object size, colour and shape, of
 * a single object its place, and of several enough relations to join them all.
 */
export function judgeCaption(text: string, scene: Scene, { partial = false } = {}): Verdict {
  const said = parseCaption(text);
  const { objects, relations, count, unknown } = said;
  if (unknown.length > 0) return wrong(`unknown words: ${unknown.join(' ')}`);
  if (objects.length === 0 && count === undefined) return wrong('nothing is said');
  if (count !== undefined && count !== scene.objects.length) {
    return wrong(`says ${count} objects, there are ${scene.objects.length}`);
  }
  if (objects.length > scene.objects.length)
    return wrong(`names ${objects.length} objects of ${scene.objects.length}`);
  if (!matches(said, scene.objects, [])) return wrong('something said is not so');
  if (partial) return right;
  if (objects.length < scene.objects.length)
    return wrong(`names ${objects.length} objects of ${scene.objects.length}`);
  const vague = objects.find(({ size, colour, shape }) => !size || !colour || !shape);
  if (vague) return wrong('an object lacks its size, colour or shape');
  if (objects.length === 1 && !objects[0].place) return wrong('the place is not said');
  return joined(objects.length, relations) ? right : wrong('not every relation is said');
}

/** Whether each mention can be another object of the scene so that everything said is true. */
function matches(said: CaptionFacts, scene: readonly SceneObject[], chosen: readonly SceneObject[]): boolean {
  if (chosen.length === said.objects.length) {
    return said.relations.every(({ subject, relation, object }) =>
      holds(relation, chosen[subject], chosen[object]),
    );
  }
  const mention = said.objects[chosen.length];
  return scene.some(
    (object) =>
      !chosen.includes(object) && describes(mention, object) && matches(said, scene, [...chosen, object]),
  );
}

const describes = (mention: Mention, object: SceneObject): boolean =>
  fits(object, mention) && (mention.place === undefined || isAt(mention.place, object));

/** Near a line between places, those on both sides are right. */
export function isAt(place: Mention['place'], object: Pick<SceneObject, 'x' | 'y'>): boolean {
  if (isClearlyPlaced(object)) return placeOf(object) === place;
  const nudges = [-0.03, 0, 0.03];
  const allowed = nudges.flatMap((dx) => nudges.map((dy) => placeOf({ x: object.x + dx, y: object.y + dy })));
  return placeNames.some((name) => name === place && allowed.includes(name));
}

function joined(count: number, relations: CaptionFacts['relations']): boolean {
  const group = Array.from({ length: count }, (_, i) => i);
  for (const { subject, object } of relations) {
    const [from, to] = [group[subject], group[object]];
    for (let i = 0; i < count; i++) if (group[i] === from) group[i] = to;
  }
  return group.every((one) => one === group[0]);
}
