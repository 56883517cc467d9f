/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { u32, vectorises } from '../rows.js';
import source from './conv2d-tiled.wgsl';
import { conv2dOp } from './op.js';

type Types = { readonly x: TensorType; readonly weight: TensorType; readonly y: TensorType };

const innerOf = ({ shape: [, c, kh, kw] }: TensorType) => c * kh * kw;

const tilesOf = ({ y }: Types) => {
  const [n, o, oh, ow] = y.shape;
  return n * Math.ceil(o / 64) * Math.ceil((oh * ow) / 64);
};

export const conv2dKernel: Kernel<typeof conv2dOp> = {
  op: conv2dOp,
  name: 'nn.conv2d tiled',
  source,
  params: ({ x, weight, y }, { strides: [sh, sw], padding: [top, left] }) => {
    const [, c, h, w] = x.shape;
    const [o, , kh, kw] = weight.shape;
    const [, , oh, ow] = y.shape;
    const numbers = { c, h, w, o, kh, kw, ow, sh, sw, top, left, positions: oh * ow };
    const all = { ...numbers, inner: innerOf(weight), tiles: tilesOf({ x, weight, y }) };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, u32(value)]));
  },
  overrides: ({ weight }) => ({ VECTOR: Number(vectorises(innerOf(weight), weight)) }),
  widths: ({ weight }) => ({ weight: vectorises(innerOf(weight), weight) ? 4 : 1 }),
  workgroups: tilesOf,
};
