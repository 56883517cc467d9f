import { EmuError } from '@emu-ts/base';

/**
 * Just enough of a schema language for recipes: what is wrong is listed in full, with its place, and a key that is not
 * known is answered with the one that was probably meant.
 */
export interface Schema<T> {
  /** Checks `value`; reports what is wrong at `path` and returns undefined then. */
  read(value: unknown, path: string, report: Report): T | undefined;
  readonly optional?: boolean;
}

type Report = (path: string, problem: string) => void;
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly optional: true } ? K : never;
}[keyof F];
type Shape<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: Infer<F[K]> | undefined;
};

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

export const optional = <T>(schema: Schema<T>): Schema<T> & { readonly optional: true } => ({
  ...schema,
  optional: true,
});

export const text: Schema<string> = {
  read(value, path, report) {
    if (typeof value === 'string' && value) return value;
    report(path, `wanted a text, got ${show(value)}`);
    return undefined;
  },
};

export const flag: Schema<boolean> = {
  read(value, path, report) {
    if (typeof value === 'boolean') return value;
    report(path, `wanted true or false, got ${show(value)}`);
    return undefined;
  },
};

/** Anything at all: what another package reads. */
export const anything: Schema<unknown> = { read: (value) => value };

export const number = ({
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
  whole = false,
}: {
  min?: number;
  max?: number;
  whole?: boolean;
} = {}): Schema<number> => ({
  read(value, path, report) {
    const fits =
      typeof value === 'number' && value >= min && value <= max && (!whole || Number.isSafeInteger(value));
    if (fits) return value;
    const from = Number.isFinite(min) ? ` from ${min}` : '';
    const to = Number.isFinite(max) ? ` to ${max}` : '';
    report(path, `wanted a ${whole ? 'whole ' : ''}number${from}${to}, got ${show(value)}`);
    return undefined;
  },
});

export const oneOf = <const T extends string>(...known: readonly T[]): Schema<T> => ({
  read(value, path, report) {
    if (known.includes(value as T)) return value as T;
    const hint = typeof value === 'string' ? guess(value, known) : '';
    report(path, `wanted one of ${known.join(', ')}, got ${show(value)}${hint}`);
    return undefined;
  },
});

export const list = <T>(item: Schema<T>, { min = 0 } = {}): Schema<readonly T[]> => ({
  read(value, path, report) {
    if (Array.isArray(value) && value.length >= min)
      return value.map((element, i) => item.read(element, `${path}[${i}]`, report) as T);
    report(path, `wanted a list${min ? ` of at least ${min}` : ''}, got ${show(value)}`);
    return undefined;
  },
});

export const pair = <A, B>(first: Schema<A>, second: Schema<B>): Schema<readonly [A, B]> => ({
  read(value, path, report) {
    if (Array.isArray(value) && value.length === 2) {
      return [
        first.read(value[0], `${path}[0]`, report) as A,
        second.read(value[1], `${path}[1]`, report) as B,
      ];
    }
    report(path, `wanted a list of two, got ${show(value)}`);
    return undefined;
  },
});

export const record = <T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
  read(value, path, report) {
    if (!isObject(value)) {
      report(path, `wanted an object, got ${show(value)}`);
      return undefined;
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, element]) => [key, item.read(element, join(path, key), report) as T]),
    );
  },
});

/** The first schema if the value is a number, else the second. */
export const numberOr = <T>(scalar: Schema<number>, other: Schema<T>): Schema<number | T> => ({
  read: (value, path, report) =>
    typeof value === 'number' ? scalar.read(value, path, report) : other.read(value, path, report),
});

export const object = <const F extends Fields>(fields: F): Schema<Shape<F>> => ({
  read(value, path, report) {
    if (!isObject(value)) {
      report(path, `wanted an object, got ${show(value)}`);
      return undefined;
    }
    const known = Object.keys(fields);
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) report(join(path, key), `is not known here${guess(key, known)}`);
    }
    const out: Record<string, unknown> = {};
    for (const [key, schema] of Object.entries(fields)) {
      if (value[key] !== undefined) out[key] = schema.read(value[key], join(path, key), report);
      else if (!schema.optional) report(join(path, key), 'is missing');
    }
    return out as Shape<F>;
  },
});

type Kinds = Readonly<Record<string, Fields>>;
type Variant<K extends string, F extends Kinds> = {
  [N in keyof F]: { readonly [key in K]: N } & Shape<F[N]>;
}[keyof F];

/** An object whose field `key` says which of several kinds it is, and so which other fields it has. */
export const variant = <const K extends string, const F extends Kinds>(
  key: K,
  kinds: F,
): Schema<Variant<K, F>> => {
  const kindOf = oneOf(...Object.keys(kinds));
  return {
    read(value, path, report) {
      if (!isObject(value) || value[key] === undefined) {
        report(path, `wanted an object with '${key}' (${Object.keys(kinds).join(', ')}), got ${show(value)}`);
        return undefined;
      }
      const kind = kindOf.read(value[key], join(path, key), report);
      if (kind === undefined) return undefined;
      return object({ [key]: kindOf, ...kinds[kind] }).read(value, path, report) as Variant<K, F>;
    },
  };
};

/** The first schema if the value is a text, else the second. */
export const textOr = <T>(other: Schema<T>): Schema<string | T> => ({
  read: (value, path, report) =>
    typeof value === 'string' ? text.read(value, path, report) : other.read(value, path, report),
});

/** Reads a value, or throws one error that lists everything that is wrong with it. */
export function parse<T>(schema: Schema<T>, value: unknown, what: string, code: string): T {
  const problems: string[] = [];
  const read = schema.read(value, '', (path, problem) =>
    problems.push(path ? `'${path}' ${problem}` : problem),
  );
  if (!problems.length) return read as T;
  throw new EmuError(code, `${what}: ${problems.join('; ')}.`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);

function guess(word: string, known: readonly string[]): string {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (!nearest) return '';
  return nearest.distance <= Math.max(2, nearest.candidate.length / 3)
    ? `; did you mean '${nearest.candidate}'?`
    : `; known are ${known.join(', ')}`;
}

/** Insertions, deletions and replacements between two words (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
