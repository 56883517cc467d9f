/**
 * Tensors out of stored bytes. A contiguous tensor is one read. Other views (transposed, sliced, expanded) are
 * gathered in the order of storage through a bounded window, so that a large transposed matrix needs no second copy
 * of itself in memory.
 */
import { byteSize, type DType, type HostTensor, sizeOf } from '@emu-ts/base';
import { checkExpansion, tensorOf } from '../checkpoint.js';
import { unsupported } from '../error.js';
import { WINDOW } from '../limits.js';
import { type ByteSource, readExactly } from '../source/byte-source.js';
import type { TensorRef } from './values.js';

/** @param start byte offset in the source of the storage that `ref` views. */
export async function readTensor(
  source: ByteSource,
  name: string,
  ref: TensorRef,
  start: number,
  signal: AbortSignal | undefined,
): Promise<HostTensor> {
  const { dtype, shape, storage } = ref;
  const item = byteSize(dtype);
  const length = sizeOf(shape);
  checkExpansion(name, length * item, source.size);
  const first = start + storage.offset * byteSize(storage.dtype) + ref.offset * item;
  if (length === 0) return tensorOf(dtype, shape, new Uint8Array(0));
  if (isContiguous(ref)) {
    return tensorOf(dtype, shape, await readExactly(source, first, length * item, `Tensor ${name}`, signal));
  }
  return tensorOf(dtype, shape, await gather(source, name, ref, first, signal));
}

function isContiguous({ shape, strides }: TensorRef): boolean {
  let wanted = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== wanted) return false;
    wanted *= shape[axis];
  }
  return true;
}

/** An axis by its steps, in elements: through the storage and through the row-major result. */
interface Axis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

async function gather(
  source: ByteSource,
  name: string,
  { dtype, shape, strides }: TensorRef,
  first: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const item = byteSize(dtype);
  const windowItems = WINDOW / item;
  const axes = storageOrder(shape, strides);
  const span = 1 + axes.reduce((at, { size, from }) => at + (size - 1) * from, 0);
  if (span > windowItems && !visitsInOrder(axes)) {
    throw unsupported(`Tensor ${name} is a view [${shape}] with strides [${strides}] that overlaps itself.`);
  }
  const out = new Uint8Array(sizeOf(shape) * item);
  const target = bits(dtype, out);
  let window = bits(dtype, new Uint8Array(0));
  let begin = 0;
  const count = axes.map(() => 0);
  for (let from = 0, to = 0; ; ) {
    if (from >= begin + window.length) {
      const items = Math.min(windowItems, span - from);
      const bytes = await readExactly(source, first + from * item, items * item, `Tensor ${name}`, signal);
      window = bits(dtype, bytes.byteOffset % item ? bytes.slice() : bytes);
      begin = from;
    }
    target[to] = window[from - begin];
    let axis = axes.length - 1;
    while (axis >= 0 && ++count[axis] === axes[axis].size) {
      from -= axes[axis].from * (axes[axis].size - 1);
      to -= axes[axis].to * (axes[axis].size - 1);
      count[axis--] = 0;
    }
    if (axis < 0) return out;
    from += axes[axis].from;
    to += axes[axis].to;
  }
}

/** The axes that matter, largest storage step first. */
function storageOrder(shape: readonly number[], strides: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  for (let axis = shape.length - 1, to = 1; axis >= 0; to *= shape[axis--]) {
    if (shape[axis] > 1) axes.push({ size: shape[axis], from: strides[axis], to });
  }
  return axes.sort((a, b) => b.from - a.from);
}

/** True when walking the axes never steps back in storage. */
function visitsInOrder(axes: readonly Axis[]): boolean {
  let inner = 0;
  for (let i = axes.length - 1; i >= 0; i--) {
    if (axes[i].from < inner) return false;
    inner += axes[i].from * (axes[i].size - 1);
  }
  return true;
}

const patterns: Readonly<Record<number, typeof Uint32Array>> = {
  1: Uint8Array as unknown as typeof Uint32Array,
  2: Uint16Array as unknown as typeof Uint32Array,
  4: Uint32Array,
  8: BigUint64Array as unknown as typeof Uint32Array,
};

/** Elements as bit patterns of their size, so that copying changes nothing (not even the payload of a NaN). */
const bits = (dtype: DType, { buffer, byteOffset, byteLength }: Uint8Array) =>
  new patterns[byteSize(dtype)](buffer, byteOffset, byteLength / byteSize(dtype));
