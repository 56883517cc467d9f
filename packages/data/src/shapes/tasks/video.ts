import { image, text, video } from '@emu-ts/sequence';
import type { Draws } from '../../draws.js';
import { evenFrames, mergeTimeline } from '../../timeline/merge.js';
import type { Turn } from '../sample.js';
import { actor, deed, directionWords, eventFacts, tellEvents } from '../words/event.js';
import type { AnswerTruth, EventFacts } from '../words/truth.js';
import type { World } from '../world/compose.js';
import { drawVideo, type SceneVideo } from '../world/motion.js';
import type { Facts, Scene } from '../world/scene.js';

type Turns = readonly Turn<Scene>[];

const drawAny = (draws: Draws, w: World): SceneVideo => {
  const events = 1 + draws.int(2);
  const most = Math.min(3, w.objects[1]);
  return drawVideo(draws, w, { events: Math.min(events, most), objects: 1 + draws.int(most) });
};

/** A video, and what happens in it. */
export function videoCaptionTask(draws: Draws, w: World): Turns {
  const made = drawAny(draws, w);
  return [
    {
      ask: [video(made.frames)],
      request: [video(made.frames), text(draws.pick(['what happens in the video?', 'describe the video.']))],
      reply: [text(tellEvents(draws, made))],
      truth: { kind: 'events', events: eventFacts(made) },
    },
  ];
}

/** A video and a question: what moves, where to, in which order. */
export function videoQuestionTask(draws: Draws, w: World): Turns {
  const made = drawAny(draws, w);
  const [question, answer, truth] = draws.pick(questionsAbout(draws, made));
  return [{ ask: [video(made.frames), text(question)], reply: [text(`${answer}.`)], truth }];
}

type Asked = readonly [question: string, answer: string, truth: AnswerTruth];

const verb = { move: 'moves', turn: 'turns around', recolour: 'changes its colour' } as const;

function questionsAbout(draws: Draws, made: SceneVideo): Asked[] {
  const facts = eventFacts(made);
  const asked: Asked[] = [];
  for (const [i, event] of made.events.entries()) {
    const it = actor(draws, made, event, false);
    const fact = facts[i];
    const truth = (value: AnswerTruth['value'], kind: AnswerTruth['asked'], about?: Facts): AnswerTruth => ({
      kind: 'answer',
      asked: kind,
      value,
      ...(about ? { about } : {}),
    });
    const whole = actor(draws, made, event, true);
    const alone = facts.filter((other) => other.kind === event.kind).length === 1;
    if (alone)
      asked.push([
        draws.pick([`what ${verb[event.kind]}?`, `which object ${verb[event.kind]}?`]),
        whole,
        truth(fact.object, 'object'),
      ]);
    asked.push([`what does ${it} do?`, `it ${deed(draws, event)}`, truth(event.kind, 'event')]);
    if (event.kind === 'move') {
      const words = [
        `where does ${it} move?`,
        `which way does ${it} go?`,
        `in which direction does ${it} move?`,
      ];
      asked.push([
        draws.pick(words),
        directionWords[event.direction][0],
        truth(event.direction, 'direction'),
      ]);
    }
    if (event.kind === 'recolour') {
      asked.push([
        `what colour does ${it} become?`,
        event.colour,
        truth(event.colour, 'colour', { ...fact.object, colour: event.colour }),
      ]);
    }
    if (made.events.length > 1) {
      const when =
        i === 0
          ? ['what changes first?', 'which object is the first to change?']
          : ['what changes last?', 'which object is the last to change?'];
      asked.push([draws.pick(when), whole, truth(fact.object, 'object')]);
    }
  }
  return asked;
}

/** The frames of a video one by one, with subtitles when something begins: images and texts by time. */
export function storyboardTask(draws: Draws, w: World): Turns {
  const made = drawAny(draws, w);
  const every = draws.range(0.5, 3);
  const seen = made.frames.filter((_, i) => i % 2 === 0 || i === made.frames.length - 1);
  const subtitles = made.events.map((event) => ({
    start: ((event.from * (seen.length - 1)) / (made.frames.length - 1)) * every + every / 2,
    text: `${actor(draws, made, event, true)} ${deed(draws, event)}.`,
  }));
  const parts = mergeTimeline(evenFrames(seen, every), subtitles);
  const sequence = parts.flatMap((part) => [
    ...(part.text ? [text(part.text)] : []),
    ...(part.image ? [image(part.image)] : []),
  ]);
  const events: readonly EventFacts[] = eventFacts(made);
  return [
    {
      ask: [],
      request: [text('show and tell a story.')],
      reply: sequence,
      truth: { kind: 'events', events },
    },
  ];
}
