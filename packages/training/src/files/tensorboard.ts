import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { node, saveError } from './atomic.js';
import { maskedCrc32c } from './crc32c.js';

/**
 * TensorBoard event files: a TFRecord stream of `Event` messages (tensorflow/core/util/event.proto), of which four fields
 * and one kind of summary are needed.
 */

/** A record: length, its checksum, the data, its checksum; all little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return out;
}

export interface ScalarEvent {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

const event = (time: number, step: number, rest: (writer: BinaryWriter) => BinaryWriter): Uint8Array => {
  const writer = new BinaryWriter().tag(1, WireType.Bit64).double(time).tag(2, WireType.Varint).int64(step);
  return rest(writer).finish();
};

/** The first event of every file. */
export const versionEvent = (time: number): Uint8Array =>
  event(time, 0, (writer) => writer.tag(3, WireType.LengthDelimited).string('brain.Event:2'));

/** Says that a run goes on here: TensorBoard drops what older files have at this step or later. */
export const restartEvent = (time: number, step: number): Uint8Array =>
  event(time, step, (writer) =>
    writer.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(1).join(),
  );

export const scalarEvent = ({ time, step, scalars }: ScalarEvent): Uint8Array =>
  event(time, step, (writer) => {
    writer.tag(5, WireType.LengthDelimited).fork();
    for (const [tag, value] of Object.entries(scalars)) {
      writer.tag(1, WireType.LengthDelimited).fork();
      writer.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value).join();
    }
    return writer.join();
  });

/** Writes the scalars of a run for TensorBoard, in a file of its own for each time the run is started. */
export class TensorBoardLog {
  private constructor(readonly file: string) {}

  /** @param step updates already done */
  static async open(dir: string, step: number, time = Date.now() / 1000): Promise<TensorBoardLog> {
    const { fs, path } = await node();
    // Files are read in the order of their names: by time, then by the step a run was taken up at.
    const stamp = String(Math.floor(time)).padStart(10, '0');
    const name = `events.out.tfevents.${stamp}.emu-ts.${process.pid}.${step}`;
    const log = new TensorBoardLog(path.join(dir, name));
    await fs.mkdir(dir, { recursive: true }).catch((cause) => {
      throw saveError(log.file, cause);
    });
    await log.#append(versionEvent(time));
    if (step) await log.#append(restartEvent(time, step + 1));
    return log;
  }

  async append(entry: ScalarEvent): Promise<void> {
    await this.#append(scalarEvent(entry));
  }

  async #append(data: Uint8Array): Promise<void> {
    const { fs } = await node();
    await fs.appendFile(this.file, tfRecord(data)).catch((cause) => {
      throw saveError(this.file, cause);
    });
  }
}
