import type { ByteSource } from './byte-source.js';

/** Bytes in memory. Reads copy, so that changing a tensor never changes the bytes. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.byteLength,
  // Not `slice`: a Node Buffer is a Uint8Array too, and its `slice` does not copy.
  read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
  close: async () => {},
});

/** A `Blob` or `File`, as a browser's file picker or Node's `openAsBlob` gives it. */
export const blobSource = (blob: Blob): ByteSource => ({
  size: blob.size,
  read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  close: async () => {},
});

/** A source that its owner closes: whoever was only lent it does not. */
export const borrowed = (source: ByteSource): ByteSource => ({
  size: source.size,
  read: (offset, length, options) => source.read(offset, length, options),
  close: async () => {},
});
