import type { AnswerTruth, EventFacts, EventsTruth } from '../words/truth.js';
import type { Direction, EventKind } from '../world/motion.js';
import { type Facts, fits } from '../world/scene.js';
import { right, type Verdict, wrong } from './judge-caption.js';
import { parseCaption } from './parse-caption.js';
import { type Token, tokens } from './words.js';

/** Whether a short answer names the right thing and nothing else of its kind. Sentences and single words both count. */
export function judgeAnswer(text: string, { asked, value }: AnswerTruth): Verdict {
  if (asked === 'object') return judgeObject(text, value as Facts);
  const named = new Set<unknown>(readers[asked](text));
  if (named.size === 0) return wrong(`names no ${asked}`);
  if (named.size > 1) return wrong(`names several: ${[...named].join(', ')}`);
  return named.has(value) ? right : wrong(`says ${[...named][0]}, wanted ${value}`);
}

const valuesOf =
  (type: Token['type']) =>
  (text: string): unknown[] =>
    tokens(text).flatMap((token) =>
      token.type === type && 'value' in token && token.value !== undefined ? [token.value] : [],
    );

const readers: Readonly<Record<Exclude<AnswerTruth['asked'], 'object'>, (text: string) => unknown[]>> = {
  colour: valuesOf('colour'),
  shape: valuesOf('shape'),
  size: valuesOf('size'),
  count: (text) => (/^\W*one\W*$/i.test(text) ? [1] : valuesOf('number')(text)),
  place: valuesOf('place'),
  'yes-no': (text) => (text.toLowerCase().match(/\b(yes|no)\b/g) ?? []).map((word) => word === 'yes'),
  direction: directionsIn,
  event: (text) => eventsIn(text).map(({ kind }) => kind),
};

/** Colour and shape have to be said, and whatever is said has to be so. */
function judgeObject(text: string, truth: Facts): Verdict {
  const { objects } = parseCaption(text);
  if (objects.length !== 1) return wrong(`names ${objects.length} objects, wanted one`);
  const [said] = objects;
  if (!said.colour || !said.shape) return wrong('does not say both colour and shape');
  return fits(truth, said) ? right : wrong(`names another object than the ${truth.colour} ${truth.shape}`);
}

function directionsIn(text: string): Direction[] {
  const words = text.toLowerCase().match(/\b(left|right|up|down)(wards?)?\b/g) ?? [];
  return words.map((word) => word.replace(/wards?$/, '') as Direction);
}

interface SaidEvent {
  readonly object: ReturnType<typeof parseCaption>['objects'];
  readonly kind: EventKind;
  readonly direction?: Direction | undefined;
  readonly colour?: string | undefined;
}

const verbs = /\b(moves?|goes|turns?( around)?|rotates?|becomes?|changes? its colour( to)?)\b/;

/** The events of a text in order: who, what, and where to or which colour. */
function eventsIn(text: string): SaidEvent[] {
  const clauses = text
    .toLowerCase()
    .split(/\bthen\b|[,;.]/)
    .filter((clause) => verbs.test(clause));
  return clauses.map((clause): SaidEvent => {
    const found = verbs.exec(clause) as RegExpExecArray;
    const object = parseCaption(clause.slice(0, found.index).replace(/\b(first|and)\b/g, '')).objects;
    const rest = clause.slice(found.index + found[0].length);
    const [colour] = valuesOf('colour')(rest) as string[];
    if (colour !== undefined) return { object, kind: 'recolour', colour };
    if (/^(move|go)/.test(found[0])) return { object, kind: 'move', direction: directionsIn(rest)[0] };
    return { object, kind: /^(become|change)/.test(found[0]) ? 'recolour' : 'turn' };
  });
}

/** Whether a text tells all events, and them alone, in their order. */
export function judgeEvents(text: string, { events }: EventsTruth): Verdict {
  const said = eventsIn(text);
  if (said.length !== events.length) return wrong(`tells ${said.length} events, wanted ${events.length}`);
  const off = events.findIndex((event, i) => !isTold(said[i], event));
  return off < 0 ? right : wrong(`event ${off + 1} is told wrongly`);
}

const isTold = ({ object, kind, direction, colour }: SaidEvent, event: EventFacts): boolean =>
  object.length === 1 &&
  (object[0].colour !== undefined || object[0].shape !== undefined) &&
  fits(event.object, object[0]) &&
  kind === event.kind &&
  direction === event.direction &&
  colour === event.colour;
