import type { Role, Sequence, SequenceElement } from '@emu-ts/contracts';
import { end, generate, image, role, text, video } from './elements.js';
import { SequenceError } from './error.js';

/** Version of the JSON form; a reader refuses any other. */
export const sequenceJsonVersion = 1;

/**
 * The JSON form of a sequence. Images are references, such as paths or URLs, and what they refer to is the reader's
 * business. An element is one of
 * `{"type":"text","text":…}`, `{"type":"image","image":…}`, `{"type":"video","frames":[…]}`,
 * `{"type":"role","role":"system"|"user"|"assistant"}`, `{"type":"end"}`, `{"type":"generate"}`.
 */
export interface SequenceJson {
  readonly version: typeof sequenceJsonVersion;
  readonly elements: Sequence<string>;
}

/** The JSON form of a sequence, sharing nothing with it. */
export const toJson = (sequence: Sequence<string>): SequenceJson => ({
  version: sequenceJsonVersion,
  elements: sequence.map((element, i) => readElement(element, `elements[${i}]`)),
});

/**
 * Reads and checks the JSON form; the opposite of `toJson`.
 *
 * @param value what `JSON.parse` gave.
 * @throws SequenceError `SEQUENCE_JSON` naming the path, what stands there and what was wanted.
 */
export function fromJson(value: unknown): Sequence<string> {
  const { version, elements } = fields(value, '$', ['version', 'elements']);
  if (version !== sequenceJsonVersion) wrong('version', version, String(sequenceJsonVersion));
  return list(elements, 'elements').map((element, i) => readElement(element, `elements[${i}]`));
}

type Type = SequenceElement<string>['type'];
type Fields = Readonly<Record<string, unknown>>;

/** How to read each type of element, and which fields it has beside `type`. */
const readers: {
  readonly [T in Type]: readonly [readonly string[], (f: Fields, path: string) => SequenceElement<string>];
} = {
  text: [['text'], (f, path) => text(string(f.text, `${path}.text`))],
  image: [['image'], (f, path) => image(string(f.image, `${path}.image`))],
  video: [
    ['frames'],
    (f, path) => video(list(f.frames, `${path}.frames`).map((one, i) => string(one, `${path}.frames[${i}]`))),
  ],
  role: [['role'], (f, path) => role(oneOf(f.role, `${path}.role`, roles))],
  end: [[], () => end],
  generate: [[], () => generate],
};
const types = Object.keys(readers) as Type[];
const roles: readonly Role[] = ['system', 'user', 'assistant'];

function readElement(value: unknown, path: string): SequenceElement<string> {
  const type = oneOf(fields(value, path).type, `${path}.type`, types);
  const [names, read] = readers[type];
  return read(fields(value, path, ['type', ...names]), path);
}

/** An object's fields; with `names`, these and no others. */
function fields(value: unknown, path: string, names?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong(path, value, 'an object');
  const odd = names && Object.keys(value).find((name) => !names.includes(name));
  if (odd !== undefined)
    wrong(`${path}.${odd}`, (value as Fields)[odd], `no such field, only ${names!.join(', ')}`);
  return value as Fields;
}

const list = (value: unknown, path: string): readonly unknown[] =>
  Array.isArray(value) ? value : wrong(path, value, 'an array');
const string = (value: unknown, path: string): string =>
  typeof value === 'string' ? value : wrong(path, value, 'a string');
const oneOf = <T extends string>(value: unknown, path: string, allowed: readonly T[]): T =>
  allowed.find((one) => one === value) ?? wrong(path, value, `one of ${allowed.join(', ')}`);

function wrong(path: string, value: unknown, wanted: string): never {
  const got = describe(value);
  throw new SequenceError('SEQUENCE_JSON', `At ${path} the sequence has ${got}; wanted ${wanted}.`, {
    got,
    wanted,
    path,
  });
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}
