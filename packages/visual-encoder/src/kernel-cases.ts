import { input, type TensorType, tensorType, type Value } from '@emu-ts/graph';
import type { AnyKernel, WebGpuExecutor } from '@emu-ts/webgpu';

type Types = Readonly<Record<string, TensorType>>;
interface Case {
  readonly name: string;
  readonly inputs: Types;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly terms: number;
}

export const f32 = (...shape: number[]) => tensorType('f32', shape);

const patches = (
  name: string,
  [b, channels, h, w]: number[],
  [c, kh, kw]: number[],
  strides: number[],
  padding: number[],
): Case => {
  const count = (size: number, kernel: number, stride: number) => Math.floor((size - kernel) / stride) + 1;
  const [top, left, bottom, right] = padding;
  const tokens = 1 + count(h + top + bottom, kh, strides[0]) * count(w + left + right, kw, strides[1]);
  return {
    name,
    inputs: {
      x: f32(b, channels, h, w),
      weight: f32(c, channels, kh, kw),
      bias: f32(c),
      whole: f32(1, 1, c),
      positions: f32(1, tokens, c),
    },
    attrs: { strides, padding },
    terms: channels * kh * kw,
  };
};

const qkv = (rows: number, k: number, c: number): Case => ({
  name: `${rows} rows of ${k}, ${c} each`,
  inputs: { x: f32(1, rows, k), weight: f32(3 * c, k), qBias: f32(c), vBias: f32(c) },
  attrs: {},
  terms: k,
});

export const suites: Readonly<Record<string, readonly Case[]>> = {
  'visual_encoder.patch_embedding': [
    patches('patches of 4 × 4', [2, 3, 12, 12], [20, 4, 4], [4, 4], [0, 0, 0, 0]),
    patches('patches of 5 × 3, cut at the edge', [2, 3, 17, 13], [66, 5, 3], [5, 3], [0, 0, 0, 0]),
    patches('overlapping, padded', [1, 2, 9, 10], [9, 3, 3], [2, 2], [1, 2, 1, 0]),
    patches('large patches, split', [1, 3, 42, 42], [33, 14, 14], [14, 14], [0, 0, 0, 0]),
  ],
  'visual_encoder.qkv': [qkv(3, 20, 12), qkv(19, 33, 10), qkv(70, 1100, 22), qkv(9, 16, 64)],
};

export const symbols = (types: Types) =>
  Object.fromEntries(Object.entries(types).map(([name, type]) => [name, input(name, type)]));

export const claims = (kernel: AnyKernel, y: Value, { capabilities }: WebGpuExecutor) =>
  kernel.supports?.({ ...y.node.inputs, ...y.node.outputs }, y.node.attrs, capabilities) ?? true;
