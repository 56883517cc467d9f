import { EmuError } from '@emu-ts/base';

/**
 * Reads the fields of a JSON configuration one by one. A missing field takes its default; a field of the wrong kind, or
 * one that asks for something this package cannot do, throws `CONFIG` with the file, the field, the value and what would
 * have been taken.
 */
export interface ConfigReader {
  has(field: string): boolean;
  number(field: string, fallback?: number): number;
  integer(field: string, fallback?: number): number;
  boolean(field: string, fallback: boolean): boolean;
  string(field: string, fallback: string): string;
  strings(field: string, fallback?: readonly string[]): readonly string[];
  integers(field: string, fallback?: readonly number[]): readonly number[];
  /** One integer for all, or a list of exactly `length`. */
  perBlock(field: string, length: number, fallback?: number): readonly number[];
  /** Refuses any value but these. A missing field means `missing`: by default the first of them. */
  fixed(field: string, allowed: readonly unknown[], missing?: unknown): void;
  /** A reader of the object in this field. */
  nested(field: string): ConfigReader;
  fail(field: string, wanted: string): never;
}

const isInteger = (x: unknown): x is number => Number.isInteger(x);

export function readConfig(file: string, json: unknown): ConfigReader {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new EmuError('CONFIG', `${file} must be a JSON object, got ${JSON.stringify(json) ?? 'nothing'}.`);
  const fields = json as Readonly<Record<string, unknown>>;
  const fail = (field: string, wanted: string): never => {
    const got = fields[field] === undefined ? 'missing' : JSON.stringify(fields[field]);
    throw new EmuError('CONFIG', `${file}: ${field} must be ${wanted}, got ${got}.`);
  };
  const typed =
    <T>(kind: string, is: (x: unknown) => x is T) =>
    (field: string, fallback?: T): T => {
      const value = fields[field] ?? fallback;
      return is(value) ? value : fail(field, kind);
    };
  const listOf =
    <T>(is: (x: unknown) => x is T) =>
    (x: unknown): x is readonly T[] =>
      Array.isArray(x) && x.length > 0 && x.every(is);
  const isNumber = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x);
  const isString = (x: unknown): x is string => typeof x === 'string';
  return {
    fail,
    has: (field) => fields[field] !== undefined && fields[field] !== null,
    number: typed('a number', isNumber),
    integer: typed('an integer', isInteger),
    boolean: typed('true or false', (x): x is boolean => typeof x === 'boolean'),
    string: typed('a string', isString),
    strings: typed('a list of strings', listOf(isString)),
    integers: typed('a list of integers', listOf(isInteger)),
    perBlock(field, length, fallback) {
      const value = fields[field] ?? fallback;
      if (isInteger(value)) return Array.from({ length }, () => value);
      if (listOf(isInteger)(value) && value.length === length) return value;
      return fail(field, `an integer or a list of ${length}`);
    },
    fixed(field, allowed, missing = allowed[0]) {
      const value = fields[field] === undefined ? missing : fields[field];
      if (!allowed.includes(value))
        fail(field, `${allowed.map((x) => JSON.stringify(x)).join(' or ')} to be supported`);
    },
    nested: (field) => readConfig(`${file}: ${field}`, fields[field] ?? fail(field, 'an object')),
  };
}

/** A string field that takes one of a few values. */
export function oneOf<const T extends string>(
  reader: ConfigReader,
  field: string,
  allowed: readonly T[],
  fallback: NoInfer<T>,
): T {
  const value = reader.string(field, fallback);
  const found = allowed.find((name) => name === value);
  return found ?? reader.fail(field, `one of ${allowed.join(', ')}`);
}
