import { CheckpointError, corrupt } from '../error.js';

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Random access to bytes that lie somewhere: a file, a Blob, a server, an array. Anything may implement it. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`, in memory that the caller may keep and change. */
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Reads a range that the format claims to hold `what`: a range outside the source is the file's fault. */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
    throw corrupt(
      `${what} should be bytes ${offset} to ${offset + length}, but the file has ${source.size} bytes.`,
      { hint: 'It is truncated or damaged: fetch it again.' },
    );
  }
  if (length === 0) return new Uint8Array(0);
  const bytes = await source.read(offset, length, { signal });
  signal?.throwIfAborted();
  if (bytes.byteLength !== length) {
    throw new CheckpointError(
      'FILE',
      `Reading ${what}: asked for ${length} bytes at ${offset}, got ${bytes.byteLength}.`,
    );
  }
  // A Buffer becomes what it is under its own methods, some of which (`slice`) mean something else.
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, length);
}
