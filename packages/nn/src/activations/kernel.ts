/// <reference path="../wgsl.d.ts" />
import { size, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { geluOp } from '../gelu/op.js';
import { quickGeluOp } from '../quick-gelu/op.js';
import { u32, vectorises } from '../rows.js';
import { sigmoidOp } from '../sigmoid/op.js';
import { siluOp } from '../silu/op.js';
import source from './activation.wgsl';
import functions from './functions.wgsl';

/** Elements of a workgroup: 256 lanes of four. */
const perGroup = 1024;

/** `OP` of `functions.wgsl`. */
export const activationCodes = { gelu: 0, silu: 1, sigmoid: 2, quickGelu: 3, relu: 4, none: 5 } as const;

const activation = (name: keyof typeof activationCodes) => ({
  source: `${functions}\n${source}`,
  elementwise: true,
  params: ({ x }: { x: TensorType }) => ({ size: u32(size(x)) }),
  overrides: () => ({ OP: activationCodes[name] }),
  widths: ({ x }: { x: TensorType }) => {
    const width = vectorises(size(x), x) ? (4 as const) : (1 as const);
    return { x: width, y: width };
  },
  workgroups: ({ x }: { x: TensorType }) => Math.ceil(size(x) / perGroup),
});

export const geluKernel: Kernel<typeof geluOp> = { op: geluOp, name: 'nn.gelu', ...activation('gelu') };
export const siluKernel: Kernel<typeof siluOp> = { op: siluOp, name: 'nn.silu', ...activation('silu') };
export const sigmoidKernel: Kernel<typeof sigmoidOp> = {
  op: sigmoidOp,
  name: 'nn.sigmoid',
  ...activation('sigmoid'),
};
export const quickGeluKernel: Kernel<typeof quickGeluOp> = {
  op: quickGeluOp,
  name: 'nn.quick_gelu',
  ...activation('quickGelu'),
};
