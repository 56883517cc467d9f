import { EmuError } from '@emu-ts/base';
import { createTarDecoder } from 'modern-tar';
import type { Row } from '../stream/sharded.js';
import type { DataFile } from './data-file.js';

/** Files of one key, by what follows the key's dot: `jpg`, `txt`, `0.png`, `final_meta.json`. */
export interface TarSample {
  readonly key: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Endings that came twice. */
  readonly twice: readonly string[];
}

/** Folder and name up to the first dot of the name, and the rest. */
export function splitKey(path: string): readonly [key: string, ending: string] {
  const name = path.lastIndexOf('/') + 1;
  const dot = path.indexOf('.', name + 1);
  return dot < 0 ? [path, ''] : [path.slice(0, dot), path.slice(dot + 1)];
}

/**
 * The samples of a WebDataset shard: neighbouring members of one key. Folders, links and members without an ending are
 * left out.
 * @throws EmuError `TAR` where the archive ends too early or is none; the samples before it have been given.
 */
export async function* tarSamples(
  file: DataFile,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Row<TarSample>> {
  const reader = entries(file, signal).getReader();
  let sample: { key: string; files: Map<string, Uint8Array>; twice: string[] } | undefined;
  let row = -1;
  const finished = (): Row<TarSample> | undefined =>
    sample && row >= from ? { value: sample, place: { file: file.name, row, key: sample.key } } : undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value: entry, done } = await reader.read();
      if (done) break;
      const [key, ending] = splitKey(entry.header.name.replace(/^\.\//, ''));
      const isFile = entry.header.type === undefined || entry.header.type === 'file';
      if (!isFile || ending === '') {
        await entry.body.cancel();
        continue;
      }
      if (sample?.key !== key) {
        const before = finished();
        sample = { key, files: new Map(), twice: [] };
        row++;
        if (before) yield before;
      }
      if (row < from) {
        await entry.body.cancel();
        continue;
      }
      const bytes = new Uint8Array(
        await new Response(entry.body as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
      );
      if (sample.files.has(ending)) sample.twice.push(ending);
      sample.files.set(ending, bytes);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof EmuError) throw cause;
    throw new EmuError('TAR', `${file.name} breaks off or is no tar archive: ${(cause as Error).message}.`, {
      cause,
    });
  } finally {
    await reader.cancel().catch(() => {});
  }
  const last = finished();
  if (last) yield last;
}

function entries(file: DataFile, signal: AbortSignal) {
  const bytes = file.stream(signal)[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await bytes.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await bytes.return?.();
    },
  });
  return stream.pipeThrough(createTarDecoder({ strict: true }));
}
