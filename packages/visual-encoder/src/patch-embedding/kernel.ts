/// <reference path="../wgsl.d.ts" />
import { type ConvGeometry, primitives, size } from '@emu-ts/graph';
import { conv2dOp } from '@emu-ts/nn';
import { type Epilogue, onMatrixUnits, operandWeight, type Product, tiledRungs } from '@emu-ts/nn/webgpu';
import type { Fusion, Kernel, Params, Pattern, TypesOf } from '@emu-ts/webgpu/kernel';
import finish from './finish-patches.wgsl';
import { patchEmbeddingOp } from './op.js';
import operandPatches from './operand-patches.wgsl';

type Types = TypesOf<typeof patchEmbeddingOp>;

const vector = ({ weight }: Types): boolean =>
  (size(weight) / Math.max(1, weight.shape[0])) % 4 === 0 && ['f32', 'f16'].includes(weight.dtype);

const u32s = (numbers: Readonly<Record<string, number>>): Params =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, ['u32', value]]));

/** Tokens × channels, with patches gathered while they are read: nothing of a picture is written but its tokens. */
const product: Product<Types, ConvGeometry> = {
  name: 'visual_encoder.patch_embedding',
  operands: `${operandPatches}\n${operandWeight}`,
  weights: ['weight'],
  size: ({ weight }) => [weight.shape[0], size(weight) / Math.max(1, weight.shape[0])],
  rows: ({ y: { shape } }) => shape[0] * shape[1],
  params({ x, weight, y }, { strides: [sh, sw], padding: [top, left, , right] }) {
    const [, c, h, w] = x.shape;
    const [, , kh, kw] = weight.shape;
    const columns = Math.floor((w + left + right - kw) / sw) + 1;
    return u32s({ tokens: y.shape[1], c, h, w, kh, kw, sh, sw, top, left, columns });
  },
  overrides: (types) => ({ VECTOR: Number(vector(types)) }),
  widths: (types) => ({ x: 1, weight: vector(types) ? 4 : 1 }),
  group: 1,
};

const epilogue: Epilogue<ConvGeometry> = {
  suffix: '',
  source: finish,
  reads: ['bias', 'whole', 'positions'],
  params: ({ y }) => u32s({ tokens: y.shape[1] }),
};

const patches: Pattern = {
  op: primitives.transpose,
  inputs: { x: { op: conv2dOp, inputs: { x: 'x', weight: 'weight', bias: 'bias?' }, name: 'patches' } },
  when: ({ permutation }) => String(permutation) === '0,2,1',
};

const fusion = (whole: Pattern | string): Fusion<ConvGeometry> => ({
  root: {
    op: primitives.add,
    inputs: {
      a: { op: primitives.concat, inputs: { x0: whole, x1: patches }, when: ({ axis }) => axis === 1 },
      b: 'positions',
    },
  },
  attrs: ({ patches: { strides, padding } }) => ({ strides, padding }) as ConvGeometry,
});

const fuses = [fusion({ op: primitives.broadcast, inputs: { x: 'whole' } }), fusion('whole')];

const [kernels, rounded] = [undefined, onMatrixUnits].map((way) =>
  tiledRungs(product, epilogue, way).map(
    (rung): Kernel<typeof patchEmbeddingOp> => ({ ...rung, op: patchEmbeddingOp, fuses }),
  ),
);

export const patchEmbeddingKernels = kernels;
export const patchEmbeddingRoundedKernels = rounded;
