import { allocate, byteSize, type DType, f32ToF16, type HostTensor, random, sizeOf } from '@emu-ts/base';
import { expand, type Graph, type TensorType } from '@emu-ts/graph';

/** What benchmarks know of a graph without running it: numbers for its inputs, and how much work it is. In pages too. */
export interface Drawn {
  /** Brought by every run. */
  readonly given: Readonly<Record<string, HostTensor>>;
  /** Inputs whose names begin with `w.`: placed once. */
  readonly weights: Readonly<Record<string, HostTensor>>;
}

export function drawInputs({ inputs }: Graph): Drawn {
  const drawn = Object.entries(inputs).map(([name, type], i) => [name, drawTensor(type, i)] as const);
  const those = (weight: boolean) =>
    Object.fromEntries(drawn.filter(([name]) => name.startsWith('w.') === weight));
  return { given: those(false), weights: those(true) };
}

/** Numbers of a block that is repeated: drawing gigabytes one by one takes minutes. Never zeros, which go faster. */
const block = 65_521;

export function drawTensor({ dtype, shape }: TensorType, seed = 1): HostTensor {
  const pattern = allocate(dtype, block);
  const normal = random(seed).normal(block);
  for (let i = 0; i < block; i++) pattern[i] = numberFor(dtype, normal[i]);
  const data = allocate(dtype, sizeOf(shape)) as Uint8Array;
  for (let at = 0; at < data.length; at += block)
    data.set((pattern as Uint8Array).subarray(0, Math.min(block, data.length - at)), at);
  return { dtype, shape, data };
}

/** Codes of a quantised weight are any byte, its scales are small and positive. */
function numberFor(dtype: DType, normal: number): number {
  if (dtype === 'u8') return Math.floor(Math.abs(normal) * 8191) & 255;
  if (dtype === 'f16') return f32ToF16(0.002 + 0.001 * Math.abs(normal));
  return dtype === 'f32' ? 0.02 * normal : 0;
}

/** The products and convolutions of a graph, by its decomposition: elements computed, and terms summed into each. */
export const productsOf = (graph: Graph): { readonly elements: number; readonly terms: number }[] =>
  expand(graph).nodes.flatMap(({ op, inputs, outputs }) => {
    const elements = sizeOf(Object.values(outputs)[0].shape);
    if (op.name === 'prim.matmul') return [{ elements, terms: inputs.a.shape.at(-1) as number }];
    if (op.name === 'prim.conv2d') return [{ elements, terms: sizeOf(inputs.weight.shape.slice(1)) }];
    return [];
  });

/** Multiplications and additions of a graph's products and convolutions. */
export const flopsOf = (graph: Graph): number =>
  productsOf(graph).reduce((flops, { elements, terms }) => flops + 2 * elements * terms, 0);

/** Bytes that a run reads and writes at least: every input and output once. */
export const bytesOf = ({ inputs, outputs }: Graph): number =>
  [...Object.values(inputs), ...Object.values(outputs)].reduce(
    (bytes, { dtype, shape }) => bytes + sizeOf(shape) * byteSize(dtype),
    0,
  );
