import type { Draws } from '../../draws.js';
import type { Direction, SceneVideo, VideoEvent } from '../world/motion.js';
import { factsOf } from '../world/scene.js';
import { definite, distinguishing } from './name.js';
import type { EventFacts } from './truth.js';

export const directionWords: Readonly<Record<Direction, readonly string[]>> = {
  left: ['left', 'to the left'],
  right: ['right', 'to the right'],
  up: ['up', 'upwards'],
  down: ['down', 'downwards'],
};

/** The events of a video as facts, objects as they look before anything happens. */
export const eventFacts = ({ frames, events }: SceneVideo): EventFacts[] =>
  events.map((event) => {
    const object = factsOf(frames[0].objects[event.object]);
    if (event.kind === 'move') return { object, kind: event.kind, direction: event.direction };
    return event.kind === 'recolour'
      ? { object, kind: event.kind, colour: event.colour }
      : { object, kind: event.kind };
  });

/** What the object of an event does: `moves left`, `turns`, `becomes blue`. */
export function deed(draws: Draws, event: VideoEvent): string {
  if (event.kind === 'turn') return draws.pick(['turns', 'turns around']);
  if (event.kind === 'move') return `moves ${draws.pick(directionWords[event.direction])}`;
  return `${draws.pick(['becomes', 'turns'])} ${event.colour}`;
}

/** The object of an event, by its colour and shape or as little as tells it apart. */
export function actor(draws: Draws, { frames }: SceneVideo, event: VideoEvent, full: boolean): string {
  const object = frames[0].objects[event.object];
  if (full) return definite({ colour: object.colour, shape: object.shape });
  return definite(draws.pick(distinguishing(frames[0], object)));
}

/** `first the red circle moves left, then the star turns.` */
export function tellEvents(draws: Draws, video: SceneVideo): string {
  const told = video.events.map((event) => `${actor(draws, video, event, true)} ${deed(draws, event)}`);
  if (told.length === 1) return `${told[0]}.`;
  return draws.pick([`first ${told.join(', then ')}.`, `${told.join(', and then ')}.`]);
}
