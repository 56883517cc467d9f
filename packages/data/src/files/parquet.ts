import { EmuError } from '@emu-ts/base';
import { type Compressors, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { Row } from '../stream/sharded.js';
import type { DataFile } from './data-file.js';
import type { Fields } from './lines.js';

export interface ParquetOptions {
  /** Columns to read; all by default. */
  readonly columns?: readonly string[] | undefined;
  /** Codecs beyond Snappy and none, such as those of `hyparquet-compressors`. */
  readonly compressors?: Compressors | undefined;
}

/** The rows of a parquet file, a row group at a time. @throws EmuError `PARQUET`, `FILE`. */
export async function* parquetRows(
  file: DataFile,
  from: number,
  signal: AbortSignal,
  { columns, compressors }: ParquetOptions = {},
): AsyncGenerator<Row<Fields>> {
  await using access = await file.open(signal);
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof EmuError) throw cause;
      throw new EmuError('PARQUET', `Could not read ${file.name} as parquet: ${(cause as Error).message}.`, {
        cause,
      });
    }
  };
  const metadata = await guard(parquetMetadataAsync(access));
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    if (end > from) {
      signal.throwIfAborted();
      const rowStart = Math.max(start, from);
      const rows = await guard(
        parquetReadObjects({
          file: access,
          metadata,
          rowStart,
          rowEnd: end,
          utf8: false,
          ...(columns ? { columns: [...columns] } : {}),
          ...(compressors ? { compressors } : {}),
        }),
      );
      for (const [i, value] of rows.entries()) yield { value, place: { file: file.name, row: rowStart + i } };
    }
    start = end;
  }
}
