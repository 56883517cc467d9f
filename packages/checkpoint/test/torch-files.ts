/** PyTorch files for tests, zip and legacy, laid out as `torch.save` does. */
import { Global, Persistent, pickle, Reduce, type Value } from './pickle-writer.js';

export interface Stored {
  readonly key: string;
  /** Name of the storage class, such as `FloatStorage`. */
  readonly type: string;
  readonly length: number;
  readonly bytes: Uint8Array;
}

const types = new Map<string, Global>();
const orderedDict = new Global('collections', 'OrderedDict');
const rebuild = new Global('torch._utils', '_rebuild_tensor_v2');

export const stored = (
  key: string,
  type: string,
  data: { length: number; buffer: ArrayBufferLike; byteOffset: number; byteLength: number },
): Stored => ({
  key,
  type,
  length: data.length,
  bytes: new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer),
});

export function persistent({ key, type, length }: Stored, ...view: Value[]): Persistent {
  if (!types.has(type)) types.set(type, new Global('torch', type));
  return new Persistent(['storage', types.get(type)!, key, 'cpu', length, ...view]);
}

export const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((n, d) => n * d, 1));

/** A tensor that views a storage. */
export const tensor = (
  storage: Stored | Persistent,
  shape: readonly number[],
  { offset = 0, strides = rowMajor(shape) }: { offset?: number; strides?: readonly number[] } = {},
): Reduce =>
  new Reduce(rebuild, [
    storage instanceof Persistent ? storage : persistent(storage),
    offset,
    shape,
    strides,
    false,
    new Reduce(orderedDict, []),
  ]);

export interface ZipFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
}

/** A stored zip file, each entry's data aligned to 64 bytes as PyTorch aligns it. */
export function zip(files: readonly ZipFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    parts.push(part);
    at += part.length;
  };
  for (const { name, bytes, method = 0, flags = 0x800 } of files) {
    const path = new TextEncoder().encode(name);
    const offset = at;
    const padding = 4 + ((64 - ((at + 30 + path.length + 4) % 64)) % 64);
    add(
      record(0x04034b50, [20, flags, method, 0, 0], [0, bytes.length, bytes.length], [path.length, padding]),
    );
    add(path);
    add(concat([words16([0x4246, padding - 4]), new Uint8Array(padding - 4)]));
    add(bytes);
    directory.push(
      record(
        0x02014b50,
        [0, 20, flags, method, 0, 0],
        [0, bytes.length, bytes.length],
        [path.length, 0, 0, 0, 0],
      ),
      words32([0, offset]),
      path,
    );
  }
  const central = concat(directory);
  const count = files.length;
  const end = concat([
    words32([0x06054b50]),
    words16([0, 0, count, count]),
    words32([central.length, at]),
    words16([0]),
  ]);
  return concat([...parts, central, end]);
}

export const words16 = (values: readonly number[]) => new Uint8Array(Uint16Array.from(values).buffer);
export const words32 = (values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
export const words64 = (values: readonly number[]) =>
  new Uint8Array(BigInt64Array.from(values, BigInt).buffer);

const record = (signature: number, a: readonly number[], b: readonly number[], c: readonly number[]) =>
  concat([words32([signature]), words16(a), words32(b), words16(c)]);

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export interface TorchFileOptions {
  readonly protocol?: number;
  /** More zip entries, under the archive's folder. */
  readonly extra?: Readonly<Record<string, string>>;
  readonly littleEndian?: boolean;
}

export const torchZip = (
  root: Value,
  storages: readonly Stored[],
  { protocol = 2, extra = { version: '3\n' } }: TorchFileOptions = {},
): Uint8Array =>
  zip([
    { name: 'archive/data.pkl', bytes: pickle(root, protocol) },
    ...Object.entries(extra).map(([name, text]) => ({
      name: `archive/${name}`,
      bytes: new TextEncoder().encode(text),
    })),
    ...storages.map(({ key, bytes }) => ({ name: `archive/data/${key}`, bytes })),
  ]);

export const torchLegacy = (
  root: Value,
  storages: readonly Stored[],
  { protocol = 2, littleEndian = true }: TorchFileOptions = {},
): Uint8Array =>
  concat([
    pickle(0x1950a86a20f9469cfc6cn, protocol),
    pickle(1001, protocol),
    pickle(
      new Map<Value, Value>([
        ['protocol_version', 1001],
        ['little_endian', littleEndian],
      ]),
      protocol,
    ),
    pickle(root, protocol),
    pickle(
      storages.map(({ key }) => key),
      protocol,
    ),
    ...storages.flatMap(({ length, bytes }) => [words64([length]), bytes]),
  ]);
