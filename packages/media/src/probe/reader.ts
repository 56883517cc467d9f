import { MediaError } from '../error.js';

/** Bounds-checked access to a file's header: reading past the end throws `TRUNCATED_IMAGE`. */
export class HeaderReader {
  readonly bytes: Uint8Array;
  readonly label: string;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, label: string) {
    this.bytes = bytes;
    this.label = label;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  /** Claims that the structure `what` lies in `[offset, offset + length)`. */
  need(offset: number, length: number, what: string): void {
    if (offset + length > this.size) {
      throw new MediaError(
        'TRUNCATED_IMAGE',
        `${this.label} has ${this.size} bytes, but its ${what} reaches to byte ${offset + length}.`,
        { hint: 'It is truncated: fetch it again.' },
      );
    }
  }

  u8(offset: number, what: string): number {
    this.need(offset, 1, what);
    return this.bytes[offset];
  }

  u16(offset: number, what: string, littleEndian = false): number {
    this.need(offset, 2, what);
    return this.#view.getUint16(offset, littleEndian);
  }

  u24le(offset: number, what: string): number {
    return this.u16(offset, what, true) + this.u8(offset + 2, what) * 65536;
  }

  u32(offset: number, what: string, littleEndian = false): number {
    this.need(offset, 4, what);
    return this.#view.getUint32(offset, littleEndian);
  }

  /** A four-character code. */
  code(offset: number, what: string): string {
    this.need(offset, 4, what);
    return String.fromCharCode(...this.bytes.subarray(offset, offset + 4));
  }

  endsBefore(what: string): MediaError {
    return new MediaError('TRUNCATED_IMAGE', `${this.label} ends after ${this.size} bytes, before ${what}.`, {
      hint: 'It is truncated: fetch it again.',
    });
  }

  corrupt(message: string): MediaError {
    return new MediaError('CORRUPT_IMAGE', `${this.label} is damaged: ${message}.`);
  }
}

/** What a file's own structure says, before any pixel is decoded. */
export interface Dimensions {
  readonly width: number;
  readonly height: number;
  /** Pictures in an animation; 1 for a still. */
  readonly frames: number;
}
