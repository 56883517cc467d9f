import { RowError } from '../stream/bad-rows.js';
import type { Row } from '../stream/sharded.js';
import type { DataFile } from './data-file.js';

/** The cells of a record, or what is wrong with it; headings come first. */
export type CsvRow = { readonly headings: readonly string[]; readonly cells: readonly string[] };

/**
 * The records of a CSV file with a heading (RFC 4180: quoted cells may hold commas, line ends and doubled quotes), by
 * number; empty lines are left out.
 */
export async function* csvRows(
  file: DataFile,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Row<CsvRow>> {
  let headings: readonly string[] | undefined;
  let row = 0;
  for await (const { cells, line } of records(file, signal)) {
    if (!headings) {
      headings = cells.map((cell) => cell.trim());
      continue;
    }
    if (row++ >= from) yield { value: { headings, cells }, place: { file: file.name, line } };
  }
}

async function* records(
  file: DataFile,
  signal: AbortSignal,
): AsyncGenerator<{ cells: string[]; line: number }> {
  const decoder = new TextDecoder();
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let wasQuote = false;
  let line = 1;
  let first = 1;
  const finish = () => {
    const done = { cells: [...cells, cell], line: first };
    cells = [];
    cell = '';
    return done;
  };
  const isEmpty = ({ cells: found }: { cells: string[] }) => found.length === 1 && found[0] === '';
  for await (const chunk of file.stream(signal)) {
    for (const char of decoder.decode(chunk, { stream: true })) {
      if (char === '\n') line++;
      if (quoted && char !== '"') cell += char;
      else if (char === '"') {
        // A quote that closes a cell and one that follows at once stand for one quote.
        if (!quoted && wasQuote) cell += '"';
        quoted = !quoted;
        wasQuote = !quoted;
        continue;
      } else if (char === ',') {
        cells.push(cell);
        cell = '';
      } else if (char === '\n') {
        const done = finish();
        first = line;
        if (!isEmpty(done)) yield done;
      } else if (char !== '\r') cell += char;
      wasQuote = false;
    }
  }
  const last = finish();
  if (!isEmpty(last)) yield last;
}

/** The cells by heading. @throws RowError when their numbers differ. */
export function cellsOf({ headings, cells }: CsvRow): Readonly<Record<string, string>> {
  if (cells.length !== headings.length) {
    throw new RowError(`Got ${cells.length} cells for ${headings.length} headings (${headings.join(', ')}).`);
  }
  return Object.fromEntries(headings.map((heading, i) => [heading, cells[i]]));
}
