/**
 * JSON from untrusted bytes. Unlike `JSON.parse` it refuses duplicate keys (which would let two readers of one file
 * disagree), bounds nesting and memory, and returns objects as Maps, so that no name is special.
 */
import { corrupt, quote } from '../error.js';
import { Budget, MAX_DEPTH } from '../limits.js';

export type Json = string | number | boolean | null | Json[] | Map<string, Json>;

const literals: ReadonlyArray<readonly [string, Json]> = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Estimated memory of a value: Maps are the heavy ones. */
const cost = { map: 200, array: 48, string: 32, number: 8 };

export function parseJson(bytes: Uint8Array, what: string): Json {
  const budget = new Budget(what);
  const text = new TextDecoder('utf-8', { fatal: true });
  let at = 0;

  const fail = (wanted: string) => {
    const got = at < bytes.length ? quote(String.fromCharCode(bytes[at])) : 'the end';
    return corrupt(`${what} is not valid JSON: wanted ${wanted} at byte ${at}, got ${got}.`);
  };
  const skipSpace = () => {
    while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  };
  const next = (char: string) => {
    skipSpace();
    if (bytes[at] !== char.charCodeAt(0)) return false;
    at++;
    return true;
  };
  const expect = (char: string) => {
    if (!next(char)) throw fail(quote(char));
  };

  function string(): string {
    skipSpace();
    const start = at;
    expect('"');
    while (at < bytes.length && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
    if (at >= bytes.length) throw fail('a closing quote');
    at++;
    budget.spend(cost.string + 2 * (at - start));
    try {
      return JSON.parse(text.decode(bytes.subarray(start, at)));
    } catch (cause) {
      throw corrupt(`${what} holds an invalid string at byte ${start}.`, { cause });
    }
  }

  function number(): number {
    const start = at;
    while (at < bytes.length && at - start < 40 && /[-+.0-9eE]/.test(String.fromCharCode(bytes[at]))) at++;
    const digits = String.fromCharCode(...bytes.subarray(start, at));
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(digits)) {
      at = start;
      throw fail('a value');
    }
    budget.spend(cost.number);
    return Number(digits);
  }

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) throw corrupt(`${what} is nested more than ${MAX_DEPTH} deep.`);
    if (next('{')) return object(depth);
    if (next('[')) return array(depth);
    if (bytes[at] === 0x22) return string();
    for (const [word, meaning] of literals) {
      if (startsWith(word)) {
        at += word.length;
        budget.spend(cost.number);
        return meaning;
      }
    }
    return number();
  }
  const startsWith = (word: string) => {
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
    return true;
  };

  function array(depth: number): Json[] {
    budget.spend(cost.array);
    const out: Json[] = [];
    if (next(']')) return out;
    do out.push(value(depth + 1));
    while (next(','));
    expect(']');
    return out;
  }

  function object(depth: number): Map<string, Json> {
    budget.spend(cost.map);
    const out = new Map<string, Json>();
    if (next('}')) return out;
    do {
      const key = string();
      if (out.has(key)) throw corrupt(`${what} has the key ${quote(key)} twice.`);
      expect(':');
      out.set(key, value(depth + 1));
      budget.spend(cost.array);
    } while (next(','));
    expect('}');
    return out;
  }

  const result = value(0);
  skipSpace();
  if (at < bytes.length) throw fail('the end');
  return result;
}
