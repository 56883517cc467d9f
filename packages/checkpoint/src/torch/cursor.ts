import { corrupt } from '../error.js';

/** The bytes ran out: a caller that holds more of the file may try again with them. */
export class OutOfBytes extends Error {}

/** Reads a pickle's bytes in order. Text is UTF-8 unless said otherwise. */
export class Cursor {
  private readonly view: DataView;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true });

  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private advance(length: number): number {
    const start = this.at;
    if (start + length > this.bytes.length) throw new OutOfBytes();
    this.at += length;
    return start;
  }

  u8 = () => this.view.getUint8(this.advance(1));
  u16 = () => this.view.getUint16(this.advance(2), true);
  i32 = () => this.view.getInt32(this.advance(4), true);
  u32 = () => this.view.getUint32(this.advance(4), true);
  /** Floats are the one big-endian thing in a pickle. */
  f64 = () => this.view.getFloat64(this.advance(8));

  u64(): number {
    const value = this.view.getBigUint64(this.advance(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw corrupt(`The pickle claims a length of ${value} bytes.`);
    return Number(value);
  }

  /** A view of the next bytes. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    const start = this.at;
    try {
      return this.utf8.decode(this.take(length));
    } catch (cause) {
      if (cause instanceof OutOfBytes) throw cause;
      throw corrupt(`The pickle holds text at byte ${start} that is not UTF-8.`, { cause });
    }
  }

  /** The bytes up to the next newline, without it. */
  line(): Uint8Array {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new OutOfBytes();
    const line = this.take(end - this.at);
    this.at++;
    return line;
  }

  textLine(): string {
    const line = this.line();
    this.at -= line.length + 1;
    const text = this.text(line.length);
    this.at++;
    return text;
  }
}
