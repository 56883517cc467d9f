import type { Draws } from '../../draws.js';
import {
  areApart,
  arrange,
  drawManyFacts,
  isAllowed,
  reachOf,
  repaint,
  retry,
  roomOf,
  type World,
} from './compose.js';
import { isHeldOut, type Scene, type SceneObject } from './scene.js';
import type { ColourName } from './vocabulary.js';

export type Direction = 'left' | 'right' | 'up' | 'down';
export const directions = ['left', 'right', 'up', 'down'] as const satisfies readonly Direction[];

/** Something that happens to one object of a video, in `frames` from..to. */
export type VideoEvent = {
  /** Index of the object in every frame. */
  readonly object: number;
  readonly from: number;
  readonly to: number;
} & (
  | { readonly kind: 'move'; readonly direction: Direction }
  | { readonly kind: 'turn' }
  | { readonly kind: 'recolour'; readonly colour: ColourName }
);

export type EventKind = VideoEvent['kind'];

export interface SceneVideo {
  readonly frames: readonly Scene[];
  /** In the order in which they happen. */
  readonly events: readonly VideoEvent[];
}

export interface VideoOptions {
  /** Frames; 8 by default. */
  readonly frames?: number | undefined;
  /** Events, each of another object; 1 by default. */
  readonly events?: number | undefined;
  /** Objects, at least as many as events; as many by default. */
  readonly objects?: number | undefined;
  readonly kinds?: readonly EventKind[] | undefined;
}

const shift: Readonly<Record<Direction, readonly [number, number]>> = {
  left: [-1, 0],
  right: [1, 0],
  up: [0, -1],
  down: [0, 1],
};

/** Shapes whose turning can be seen. */
const turnable = (object: SceneObject): boolean => object.shape !== 'circle' && object.shape !== 'ring';

/** Frames in which one object after another moves, turns or changes colour; the others keep still. */
export function drawVideo(draws: Draws, w: World, options: VideoOptions = {}): SceneVideo {
  const { frames: count = 8, events: happenings = 1, kinds = ['move', 'turn', 'recolour'] } = options;
  const objects = Math.max(happenings, options.objects ?? happenings);
  return retry('video', () => {
    const start = arrange(draws, w, drawManyFacts(draws, w, objects));
    const order = draws.shuffle(start.objects.map((_, i) => i)).slice(0, happenings);
    const span = (count - 1) / happenings;
    const events: VideoEvent[] = [];
    let frames: Scene[] = [start];
    for (const [i, object] of order.entries()) {
      const [from, to] = [Math.round(i * span), Math.round((i + 1) * span)];
      const now = frames[frames.length - 1];
      const event = drawEvent(
        draws,
        w,
        [...start.objects, ...now.objects],
        { object, from, to },
        draws.pick(kinds),
      );
      const more = event && play(draws, now, event);
      if (!event || !more) return undefined;
      events.push(event);
      frames = [...frames, ...more];
    }
    if (w.split === 'train' && frames.some(isHeldOut)) return undefined;
    return { frames, events };
  });
}

type When = Pick<VideoEvent, 'object' | 'from' | 'to'>;

/** @param objects those of the first frame, and as they are now. */
function drawEvent(
  draws: Draws,
  w: World,
  objects: readonly SceneObject[],
  when: When,
  kind: EventKind,
): VideoEvent | undefined {
  const object = objects[when.object];
  if (kind === 'move') return { ...when, kind, direction: draws.pick(directions) };
  if (kind === 'turn') return turnable(object) ? { ...when, kind } : undefined;
  const colour = draws.pick(w.colours);
  // No two objects ever share colour and shape, the object's own before and after included.
  const isNew = objects.every((other) => other.shape !== object.shape || other.colour !== colour);
  return isNew && isAllowed({ ...object, colour }, w.split) ? { ...when, kind, colour } : undefined;
}

/** The frames after `start` in which the event happens; undefined where there is no room for it. */
function play(draws: Draws, start: Scene, event: VideoEvent): Scene[] | undefined {
  const object = start.objects[event.object];
  const last = finish(draws, object, event);
  if (!last) return undefined;
  const steps = event.to - event.from;
  const frames: Scene[] = [];
  for (let step = 1; step <= steps; step++) {
    const t = step / steps;
    const now = event.kind === 'recolour' ? (t > 0.5 ? last : object) : between(object, last, t);
    if (start.objects.some((other, i) => i !== event.object && !areApart(now, other))) return undefined;
    frames.push({ ...start, objects: start.objects.map((other, i) => (i === event.object ? now : other)) });
  }
  return frames;
}

/** The object after the event. A move goes at least a third of the picture, a turn as far as the eye can follow. */
function finish(draws: Draws, object: SceneObject, event: VideoEvent): SceneObject | undefined {
  if (event.kind === 'recolour') return repaint(draws, object, event.colour);
  if (event.kind === 'turn') {
    const angle = draws.range(0.75, 1.1) * Math.PI * (draws.chance(0.5) ? 1 : -1);
    return { ...object, rotation: object.rotation + angle };
  }
  const [dx, dy] = shift[event.direction];
  const [low, high] = roomOf(reachOf(object));
  const from = dx === 0 ? object.y : object.x;
  const room = dx + dy < 0 ? from - low : high - from;
  if (room < 0.3) return undefined;
  const way = draws.range(0.3, room);
  return { ...object, x: object.x + dx * way, y: object.y + dy * way };
}

const between = (a: SceneObject, b: SceneObject, t: number): SceneObject => ({
  ...a,
  x: a.x + (b.x - a.x) * t,
  y: a.y + (b.y - a.y) * t,
  rotation: a.rotation + (b.rotation - a.rotation) * t,
});
