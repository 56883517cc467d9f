import { EmuError } from '@emu-ts/base';

/** A file by its path (Node), or a Blob with a name, as a browser's `File` is. */
export type FileSource = string | (Blob & { readonly name: string });

/** A file that is read as a stream or by range. */
export interface DataFile {
  readonly name: string;
  /** The bytes in order; of a `.gz` file what is packed in it. @throws EmuError `FILE`. */
  stream(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Its size and any part of it, as they lie on the medium. @throws EmuError `FILE`. */
  open(signal: AbortSignal): Promise<RandomAccess>;
}

export interface RandomAccess extends AsyncDisposable {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

export const dataFile = (source: FileSource): DataFile =>
  typeof source === 'string' ? pathFile(source) : blobFile(source);

const blobFile = (blob: Blob & { readonly name: string }): DataFile => ({
  name: blob.name,
  stream: (signal) => chunks(unpacked(blob.stream(), blob.name), signal),
  open: async () => ({
    byteLength: blob.size,
    slice: (start, end) => blob.slice(start, end).arrayBuffer(),
    [Symbol.asyncDispose]: async () => {},
  }),
});

const pathFile = (path: string): DataFile => ({
  name: path,
  async *stream(signal) {
    const { createReadStream } = await import('node:fs');
    const { Readable } = await import('node:stream');
    const bytes = createReadStream(path, { highWaterMark: 2 ** 18 });
    try {
      if (isPacked(path)) {
        yield* chunks(
          unpacked(Readable.toWeb(bytes) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>, path),
          signal,
        );
      } else {
        for await (const chunk of bytes) {
          signal.throwIfAborted();
          yield chunk as Uint8Array;
        }
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw fileError(path, cause);
    } finally {
      bytes.destroy();
    }
  },
  async open(signal) {
    const { open } = await import('node:fs/promises');
    const handle = await open(path).catch((cause) => {
      throw fileError(path, cause);
    });
    signal.throwIfAborted();
    const { size } = await handle.stat();
    return {
      byteLength: size,
      async slice(start, end = size) {
        const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
          if (bytesRead === 0) throw fileError(path, new Error('it became shorter while it was read'));
          done += bytesRead;
        }
        return bytes.buffer;
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  },
});

const isPacked = (name: string): boolean => name.endsWith('.gz');

const unpacked = (
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  name: string,
): ReadableStream<Uint8Array> =>
  isPacked(name) ? stream.pipeThrough(new DecompressionStream('gzip')) : stream;

async function* chunks(stream: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** What went wrong with a file, in a sentence. */
export function fileError(path: string, cause: unknown): EmuError {
  if (cause instanceof EmuError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'there is no such file or folder' : (code ?? message);
  return new EmuError('FILE', `Could not read ${JSON.stringify(path)}: ${reason}.`, { cause });
}

/** The whole of a file as text. @throws EmuError `FILE`. */
export async function readText(source: FileSource, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of dataFile(source).stream(signal)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
