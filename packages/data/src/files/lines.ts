import { EmuError } from '@emu-ts/base';
import { RowError } from '../stream/bad-rows.js';
import type { Row } from '../stream/sharded.js';
import type { DataFile } from './data-file.js';

/** A line may be this long, in bytes: documents are far shorter, and a file without line ends must not fill the memory. */
const longestLine = 2 ** 28;

/** The lines of a file as bytes, empty ones left out; the last one needs no line end. Row numbers count what is left. */
export async function* lines(
  file: DataFile,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Row<Uint8Array>> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let line = 0;
  let row = 0;
  const take = (part: Uint8Array): Row<Uint8Array> | undefined => {
    const bytes = parts.length > 0 ? joined([...parts, part], length + part.length) : part;
    parts = [];
    length = 0;
    line++;
    const end = bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length;
    if (end === 0) return undefined;
    return row++ < from ? undefined : { value: bytes.slice(0, end), place: { file: file.name, line } };
  };
  for await (const chunk of file.stream(signal)) {
    let start = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      const found = take(chunk.subarray(start, at));
      start = at + 1;
      if (found) yield found;
    }
    const rest = chunk.slice(start);
    if (rest.length > 0) parts.push(rest);
    length += rest.length;
    if (length > longestLine) {
      throw new EmuError(
        'FILE',
        `${file.name}:${line + 1} is longer than ${longestLine} bytes; wanted a file of lines.`,
      );
    }
  }
  const last = length > 0 ? take(new Uint8Array(0)) : undefined;
  if (last) yield last;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws RowError when the bytes are no UTF-8. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new RowError('The text is not UTF-8.', { cause });
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** @throws RowError when the bytes are no JSON object. */
export function objectOf(bytes: Uint8Array | string): Fields {
  const text = typeof bytes === 'string' ? bytes : textOf(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RowError(`This is no JSON: ${(cause as Error).message}.`, { cause });
  }
  return fieldsOf(value);
}

/** @throws RowError when the value is no object. */
export function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new RowError(`Got ${Array.isArray(value) ? 'an array' : JSON.stringify(value)}, wanted an object.`);
}

/** A field that has to be a text with something in it. @throws RowError */
export function textField(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value.trim() !== '') return value;
  const got =
    value === undefined ? `only ${Object.keys(fields).join(', ') || 'nothing'}` : JSON.stringify(value);
  throw new RowError(`Wanted text in '${name}', got ${got?.slice(0, 120)}.`);
}
