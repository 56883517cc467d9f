import { EmuError } from '@emu-ts/base';

/** Where a row stands. */
export interface Place {
  readonly file: string;
  /** Counted from 1, in files of lines. */
  readonly line?: number | undefined;
  /** Counted from 0, in files of rows and samples. */
  readonly row?: number | undefined;
  /** What the sample calls itself. */
  readonly key?: string | undefined;
}

/** A row that could not be used, or could only in part. */
export interface BadRow {
  readonly place: Place;
  readonly code: string;
  readonly reason: string;
}

/** A row is not what its reader wants. Readers count it and go on. */
export class RowError extends EmuError {
  constructor(message: string, options?: { hint?: string; cause?: unknown }) {
    super('BAD_ROW', message, options);
  }
}

/** `docs.jsonl:17`, `pairs.parquet row 5`, `0001.tar 'cat'`. */
export const placeText = ({ file, line, row, key }: Place): string => {
  const where = line === undefined ? file : `${file}:${line}`;
  const which = row === undefined || line !== undefined ? where : `${where} row ${row}`;
  return key === undefined ? which : `${which} '${key}'`;
};

export interface BadRowsOptions {
  /** How many rows are kept with place and reason; 100 by default. All are counted. */
  readonly keep?: number | undefined;
  /** Called for every bad row. */
  readonly onBadRow?: ((row: BadRow) => void) | undefined;
}

/** Counts bad rows, and keeps the first ones. */
export class BadRows {
  private readonly kept: BadRow[] = [];
  private readonly codes = new Map<string, number>();
  private total = 0;

  constructor(private readonly options: BadRowsOptions = {}) {}

  get count(): number {
    return this.total;
  }

  /** The first ones, in the order in which they were met. */
  get first(): readonly BadRow[] {
    return this.kept;
  }

  /** How many of each error code. */
  get byCode(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.codes);
  }

  add(row: BadRow): void {
    this.total++;
    this.codes.set(row.code, (this.codes.get(row.code) ?? 0) + 1);
    if (this.kept.length < (this.options.keep ?? 100)) this.kept.push(row);
    this.options.onBadRow?.(row);
  }

  /** One line per kept row, and how many there were. */
  toString(): string {
    const lines = this.kept.map(({ place, reason }) => `${placeText(place)}: ${reason}`);
    const more = this.total - this.kept.length;
    return [`${this.total} bad rows`, ...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
  }
}

/** Failures of the machine, not of a row: every row would fail alike. */
const fatal = new Set(['SHARP_MISSING', 'FFMPEG_MISSING', 'UNSUPPORTED_RUNTIME']);

/** Whether an error tells of a row. Anything that is no `EmuError` is a mistake in code and passes through. */
export const isRowError = (error: unknown): error is EmuError =>
  error instanceof EmuError && !fatal.has(error.code);

export const badRow = (place: Place, error: EmuError): BadRow => ({
  place,
  code: error.code,
  reason: error.message,
});
