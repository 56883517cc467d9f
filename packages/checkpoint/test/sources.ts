import type { ByteSource } from '@emu-ts/checkpoint';

export interface Watched extends ByteSource {
  readonly reads: { readonly offset: number; readonly length: number }[];
  closed: number;
}

/** Bytes that remember what was read of them. `before` runs ahead of every read. */
export function watched(bytes: Uint8Array, before: (read: number) => void = () => {}): Watched {
  const source: Watched = {
    size: bytes.length,
    reads: [],
    closed: 0,
    async read(offset, length) {
      source.reads.push({ offset, length });
      before(source.reads.length);
      if (offset < 0 || offset + length > bytes.length)
        throw new RangeError(`read ${offset}+${length} of ${bytes.length}`);
      return bytes.slice(offset, offset + length);
    },
    async close() {
      source.closed++;
    },
  };
  return source;
}

/** A huge file that is zero but for a few places. */
export function sparse(
  size: number,
  places: readonly (readonly [offset: number, bytes: Uint8Array])[],
): ByteSource {
  return {
    size,
    async read(offset, length) {
      const out = new Uint8Array(length);
      for (const [at, bytes] of places) {
        for (let i = Math.max(at, offset); i < Math.min(at + bytes.length, offset + length); i++) {
          out[i - offset] = bytes[i - at];
        }
      }
      return out;
    },
    async close() {},
  };
}
