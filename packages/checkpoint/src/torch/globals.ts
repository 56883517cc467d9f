/**
 * The allow-list of the unpickler. A name that is not here stops the reading, whether or not the pickle would have
 * called it; a name that is here builds a record and runs none of the file's code.
 */
import { byteSize, type DType } from '@emu-ts/base';
import { shapeOf } from '../checkpoint.js';
import { CheckpointError, corrupt, quote, unsupported } from '../error.js';
import {
  type GlobalMeaning,
  GlobalRef,
  PickleDict,
  PickleSet,
  type PickleValue,
  StorageRef,
  TensorRef,
} from './values.js';

/** Storage classes of torch by element type; those without one are known, but their tensors cannot be read. */
const storages: Readonly<Record<string, DType | undefined>> = {
  DoubleStorage: 'f64',
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  LongStorage: 'i64',
  IntStorage: 'i32',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
  UntypedStorage: 'u8',
  TypedStorage: undefined,
  ShortStorage: undefined,
  ComplexFloatStorage: undefined,
  ComplexDoubleStorage: undefined,
  QInt8Storage: undefined,
  QUInt8Storage: undefined,
  QInt32Storage: undefined,
};

const dtypes: Readonly<Record<string, DType | undefined>> = {
  float64: 'f64',
  double: 'f64',
  float32: 'f32',
  float: 'f32',
  float16: 'f16',
  half: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  long: 'i64',
  int32: 'i32',
  int: 'i32',
  int8: 'i8',
  uint32: 'u32',
  uint16: 'u16',
  uint8: 'u8',
  bool: 'bool',
  int16: undefined,
  short: undefined,
  uint64: undefined,
  complex64: undefined,
  complex128: undefined,
};

const functions: Readonly<Record<string, GlobalMeaning['build']>> = {
  'collections.OrderedDict': (args) => orderedDict(args),
  'torch._utils._rebuild_tensor': ([storage, offset, size, stride]) =>
    tensorRef(storage, offset, size, stride),
  'torch._utils._rebuild_tensor_v2': ([storage, offset, size, stride]) =>
    tensorRef(storage, offset, size, stride),
  'torch._utils._rebuild_tensor_v3': ([storage, offset, size, stride, _grad, _hooks, dtype]) =>
    tensorRef(storage, offset, size, stride, dtype),
  'torch._utils._rebuild_parameter': ([data]) => parameter(data),
  'torch._utils._rebuild_parameter_with_state': ([data]) => parameter(data),
  'torch.Size': ([dims]) => [...list(dims, 'torch.Size')],
  '_codecs.encode': ([text, encoding]) => encode(text, encoding),
  'builtins.set': ([items]) => set(items),
  'builtins.bytes': (args) => bytes(args),
  'builtins.bytearray': (args) => bytes(args),
};

const meanings = new Map<string, GlobalMeaning>([
  ...Object.entries(functions).map(([path, build]) => [path, { build }] as const),
  ...['torch', 'torch.storage'].flatMap((module) =>
    Object.entries(storages).map(
      ([name, dtype]) => [`${module}.${name}`, { kind: 'storage', dtype }] as const,
    ),
  ),
  ...Object.entries(dtypes).map(([name, dtype]) => [`torch.${name}`, { kind: 'dtype', dtype }] as const),
]);

/** The record of a global, or `UNSAFE_PICKLE` naming its module and name. */
export function resolveGlobal(module: string, name: string): GlobalRef {
  const path = `${module === '__builtin__' ? 'builtins' : module}.${name}`;
  const meaning = meanings.get(path);
  if (meaning) return new GlobalRef(path, meaning);
  throw new CheckpointError(
    'UNSAFE_PICKLE',
    `The pickle asks for ${quote(name)} of module ${quote(module)}, which is not tensor data. Nothing was executed.`,
    { hint: 'Save the state_dict alone in PyTorch, or convert the file to safetensors where you trust it.' },
  );
}

/** What `persistent_load` gives: ('storage', class, key, location, elements[, view]). */
export function storageRef(id: PickleValue): StorageRef {
  const [tag, type, key, , length, view] = list(id, 'A persistent id');
  if (tag !== 'storage' || !(type instanceof GlobalRef) || type.meaning.kind !== 'storage') {
    throw corrupt('A persistent id of the pickle does not describe a tensor storage.');
  }
  if (typeof key !== 'string' || !isCount(length))
    throw corrupt('A storage of the pickle has no key or length.');
  const { dtype } = type.meaning;
  if (!dtype)
    throw unsupported(`Storage ${quote(key)} is a ${type.path}, whose element type cannot be read here.`);
  if (!Number.isSafeInteger(length * byteSize(dtype)))
    throw corrupt(`Storage ${quote(key)} claims ${length} elements.`);
  if (view === undefined || view === null) return new StorageRef(key, dtype, length, 0, length);
  const [, offset, visible] = list(view, 'A storage view');
  if (!isCount(offset) || !isCount(visible) || offset + visible > length) {
    throw corrupt(`A view of storage ${quote(key)} lies outside its ${length} elements.`);
  }
  return new StorageRef(key, dtype, length, offset, visible);
}

function tensorRef(...[storage, offset, size, stride, type]: (PickleValue | undefined)[]): TensorRef {
  if (!(storage instanceof StorageRef)) throw corrupt('A tensor of the pickle has no storage.');
  const what = `A tensor in storage ${quote(storage.key)}`;
  let dtype: DType | undefined = storage.dtype;
  if (type !== undefined) {
    if (!(type instanceof GlobalRef) || type.meaning.kind !== 'dtype') throw corrupt(`${what} has no dtype.`);
    dtype = type.meaning.dtype;
    if (!dtype) throw unsupported(`${what} has element type ${type.path}, which cannot be read here.`);
  }
  const shape = shapeOf(size, byteSize(dtype));
  const strides = list(stride, `The strides of ${what}`);
  if (!shape || strides.length !== shape.length || !strides.every(isCount) || !isCount(offset)) {
    throw corrupt(
      `${what} has offset ${String(offset)}, ${shape ? `shape [${shape}]` : 'an invalid shape'} and strides that do not fit.`,
    );
  }
  const last = shape.includes(0)
    ? -1
    : shape.reduce((at, dim, i) => at + (dim - 1) * (strides[i] as number), offset);
  const bytes = storage.visible * byteSize(storage.dtype);
  if (!Number.isSafeInteger(last) || (last + 1) * byteSize(dtype) > bytes) {
    throw corrupt(`${what} reaches element ${last} (${dtype}), but the storage has ${bytes} bytes.`);
  }
  return new TensorRef(storage, dtype, offset, [...shape], [...strides] as number[]);
}

const isCount = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function list(value: PickleValue | undefined, what: string): readonly PickleValue[] {
  if (!Array.isArray(value)) throw corrupt(`${what} is not a list.`);
  return value;
}

function parameter(data: PickleValue | undefined): TensorRef {
  if (!(data instanceof TensorRef)) throw corrupt('A parameter of the pickle holds no tensor.');
  return data;
}

function orderedDict(args: readonly PickleValue[]): PickleDict {
  const dict = new PickleDict();
  for (const pair of args.length === 0 ? [] : list(args[0], 'The items of an OrderedDict')) {
    const [key, value] = list(pair, 'An item of an OrderedDict');
    if (key === undefined || value === undefined) throw corrupt('An item of an OrderedDict is not a pair.');
    dict.entries.set(key, value);
  }
  return dict;
}

function set(items: PickleValue | undefined): PickleSet {
  const out = new PickleSet();
  for (const item of items === undefined ? [] : list(items, 'The items of a set')) out.items.push(item);
  return out;
}

function bytes([content, encoding]: readonly PickleValue[]): Uint8Array {
  if (content === undefined) return new Uint8Array(0);
  return content instanceof Uint8Array ? new Uint8Array(content) : encode(content, encoding);
}

/** How protocol 2 writes bytes: as text of code points below 256. */
function encode(text: PickleValue | undefined, encoding: PickleValue | undefined): Uint8Array {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw corrupt('Bytes of the pickle are not written as latin-1 text.');
  }
  const out = new Uint8Array(text.length);
  for (let i = 0; i < out.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw corrupt('Bytes of the pickle hold a character beyond latin-1.');
    out[i] = code;
  }
  return out;
}
