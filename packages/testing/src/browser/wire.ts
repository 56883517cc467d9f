import { byteSize, type DType, type HostTensor, sizeOf, viewAs } from '@emu-ts/base';
import { type AnyOp, type Graph, graphOf, type Value } from '@emu-ts/graph';

/**
 * Graphs and tensors on their way between Node and a page: JSON beside one block of bytes. An op travels as its name, so
 * both sides must know it; what the page does not know is decomposed before it leaves.
 */
export interface WireTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Position of its elements in the block. */
  readonly at: number;
}

/** Output `name` of the node at `index`. */
type WireValue = readonly [index: number, name: string];

interface WireNode {
  readonly op: string;
  readonly inputs: Readonly<Record<string, WireValue>>;
  /** JSON; numbers that it cannot hold and tensors are marked. */
  readonly attrs: string;
}

export interface WireGraph {
  readonly nodes: readonly WireNode[];
  readonly outputs: Readonly<Record<string, WireValue>>;
}

/** Elements are aligned for any dtype. */
const alignment = 8;

/** Collects the bytes of tensors into one block. */
export class Block {
  readonly #parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  size = 0;

  add({ dtype, shape, data }: HostTensor): WireTensor {
    const at = this.size;
    this.#parts.push({ at, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    this.size = Math.ceil((at + data.byteLength) / alignment) * alignment;
    return { dtype, shape, at };
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.size);
    for (const { at, bytes } of this.#parts) all.set(bytes, at);
    return all;
  }
}

export const fromBlock = ({ dtype, shape, at }: WireTensor, block: Uint8Array): HostTensor => ({
  dtype,
  shape,
  data: viewAs(dtype, block.subarray(at, at + sizeOf(shape) * byteSize(dtype))),
});

const isTensor = (value: unknown): value is HostTensor =>
  typeof value === 'object' && value !== null && ArrayBuffer.isView((value as HostTensor).data);

export function encodeGraph(graph: Graph, block: Block): WireGraph {
  const places = new Map<Value, WireValue>();
  for (const [index, { outputs }] of graph.nodes.entries())
    for (const [name, value] of Object.entries(outputs)) places.set(value, [index, name]);
  const placed = (values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, places.get(value) as WireValue] as const),
    );
  const mark = (_: string, value: unknown) => {
    if (typeof value === 'number' && !(Number.isFinite(value) && !Object.is(value, -0)))
      return { $number: Object.is(value, -0) ? '-0' : String(value) };
    return isTensor(value) ? { $tensor: block.add(value) } : value;
  };
  const nodes = graph.nodes.map(({ op, inputs, attrs }) => ({
    op: op.name,
    inputs: placed(inputs),
    attrs: JSON.stringify(attrs, mark),
  }));
  return { nodes, outputs: placed(graph.outputs) };
}

export function decodeGraph(
  { nodes, outputs }: WireGraph,
  block: Uint8Array,
  ops: ReadonlyMap<string, AnyOp>,
): Graph {
  const results: Record<string, Value>[] = [];
  const valuesOf = (inputs: Readonly<Record<string, WireValue>>) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, [index, output]]) => [name, results[index][output]] as const),
    );
  const unmark = (_: string, value: { $number?: string; $tensor?: WireTensor } | null) => {
    if (value?.$number !== undefined) return Number(value.$number);
    return value?.$tensor ? fromBlock(value.$tensor, block) : value;
  };
  for (const { op, inputs, attrs } of nodes) {
    const found = ops.get(op);
    if (!found) throw new Error(`The page knows no op '${op}'.`);
    results.push(found(valuesOf(inputs), JSON.parse(attrs, unmark)) as Record<string, Value>);
  }
  return graphOf(valuesOf(outputs));
}
