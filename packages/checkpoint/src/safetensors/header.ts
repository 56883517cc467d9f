/**
 * The header of a safetensors file: eight bytes of length, then JSON that gives every tensor's dtype, shape and byte
 * range in the data that follows. The ranges must tile the data exactly: no overlap, no hole, nothing left over.
 */
import { byteSize, type DType } from '@emu-ts/base';
import { infoOf, shapeOf, type TensorInfo, unsupportedDType } from '../checkpoint.js';
import { CheckpointError, corrupt, quote } from '../error.js';
import { MAX_SAFETENSORS_HEADER } from '../limits.js';
import { type Json, parseJson } from './json.js';

export const METADATA = '__metadata__';

const fileNames = {
  f64: 'F64',
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i64: 'I64',
  i32: 'I32',
  i8: 'I8',
  u32: 'U32',
  u16: 'U16',
  u8: 'U8',
  bool: 'BOOL',
} as const satisfies Record<DType, string>;

const dtypes = new Map(Object.entries(fileNames).map(([dtype, name]) => [name as string, dtype as DType]));

/** Where a tensor lies, in bytes from the start of the data. */
export interface Placed extends TensorInfo {
  readonly begin: number;
}

export interface Header {
  readonly entries: ReadonlyMap<string, Placed>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** @param dataBytes bytes of the file after the header. */
export function parseHeader(json: Uint8Array, dataBytes: number): Header {
  const root = parseJson(json, 'The safetensors header');
  if (!(root instanceof Map)) throw corrupt('The safetensors header is not a JSON object.');
  const entries = new Map<string, Placed>();
  let metadata = new Map<string, string>();
  for (const [name, value] of root) {
    if (name === METADATA) metadata = parseMetadata(value);
    else entries.set(name, parseEntry(name, value));
  }
  checkTiling(entries, dataBytes);
  return { entries, metadata };
}

function parseMetadata(value: Json): Map<string, string> {
  const strings = value instanceof Map && [...value.values()].every((text) => typeof text === 'string');
  if (!strings) throw corrupt(`${METADATA} of the safetensors header must map strings to strings.`);
  return value as Map<string, string>;
}

function parseEntry(name: string, value: Json): Placed {
  const what = `Tensor ${quote(name)}`;
  if (!(value instanceof Map)) throw corrupt(`${what} is not described by a JSON object.`);
  const [type, dims, offsets] = ['dtype', 'shape', 'data_offsets'].map((key) => value.get(key));
  if (value.size !== 3 || typeof type !== 'string' || !Array.isArray(offsets)) {
    throw corrupt(
      `${what} must have exactly dtype, shape and data_offsets, got ${[...value.keys()].map(quote)}.`,
    );
  }
  const dtype = dtypes.get(type);
  if (!dtype) throw unsupportedDType(what, type);
  const shape = shapeOf(dims, byteSize(dtype));
  if (!shape) throw corrupt(`${what} has a shape that is not a list of countable dimensions.`);
  const info = infoOf(dtype, shape);
  const [begin, end] = offsets;
  if (offsets.length !== 2 || !isOffset(begin) || !isOffset(end) || end - begin !== info.byteLength) {
    throw corrupt(
      `${what} (${type} [${shape}]) takes ${info.byteLength} bytes, but its data_offsets are [${offsets.map(String)}].`,
    );
  }
  return { ...info, begin };
}

const isOffset = (value: Json | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function checkTiling(entries: ReadonlyMap<string, Placed>, dataBytes: number): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.byteLength - b.byteLength);
  let end = 0;
  for (const [name, entry] of inOrder) {
    if (entry.begin !== end) {
      const wrong =
        entry.begin < end ? 'overlaps the tensor before it' : 'leaves a hole after the tensor before it';
      throw corrupt(`Tensor ${quote(name)} at byte ${entry.begin} ${wrong}, which ends at ${end}.`);
    }
    end += entry.byteLength;
  }
  if (end !== dataBytes) {
    throw corrupt(`The tensors take ${end} bytes, but the file has ${dataBytes} bytes of data.`, {
      hint: 'It is truncated or damaged: fetch it again.',
    });
  }
}

/** The start of a file: length, JSON and padding to eight bytes. Tensors follow in the order of `placed`. */
export function encodeHeader(
  entries: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; placed: ReadonlyMap<string, Placed> } {
  if (entries.has(METADATA)) {
    throw new CheckpointError(
      'BAD_ARGUMENT',
      `A tensor cannot be named ${METADATA}: safetensors keeps that name.`,
    );
  }
  // Wide elements first keeps every tensor aligned to its own element size.
  const inOrder = [...entries].sort(([, a], [, b]) => byteSize(b.dtype) - byteSize(a.dtype));
  const placed = new Map<string, Placed>();
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${METADATA}":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const [name, { dtype, shape, byteLength }] of inOrder) {
    placed.set(name, { dtype, shape, byteLength, begin: end });
    const described = { dtype: fileNames[dtype], shape, data_offsets: [end, end + byteLength] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(described)}`);
    end += byteLength;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_SAFETENSORS_HEADER) {
    throw new CheckpointError(
      'BAD_ARGUMENT',
      `The header takes ${length} bytes, safetensors allows ${MAX_SAFETENSORS_HEADER}.`,
    );
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return { header, placed };
}
