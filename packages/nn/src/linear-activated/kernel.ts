/// <reference path="../wgsl.d.ts" />
import { type AnyOp, primitives } from '@emu-ts/graph';
import type { AnyKernel, Fusion, Pattern } from '@emu-ts/webgpu/kernel';
import functions from '../activations/functions.wgsl';
import { activationCodes } from '../activations/kernel.js';
import { geluOp } from '../gelu/op.js';
import { floatRungs } from '../linear/kernel.js';
import { linearOp } from '../linear/op.js';
import type { Epilogue, Rung } from '../linear/product.js';
import { codesRungs, int4Product, int8Product } from '../quantized-linear/kernel.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { quickGeluOp } from '../quick-gelu/op.js';
import { siluOp } from '../silu/op.js';
import finish from './finish-activated.wgsl';
import { type Activated, linearActivatedOp, linearInt4ActivatedOp, linearInt8ActivatedOp } from './op.js';

export const activatedEpilogue: Epilogue<Activated> = {
  suffix: '_activated',
  source: `${functions}\n${finish}`,
  reads: ['bias', 'residual'],
  overrides: ({ activation }) => ({ OP: activationCodes[activation] }),
};

const zero: Pattern = { op: primitives.full, inputs: {}, shared: true, when: ({ value }) => value === 0 };

/** An activation after a linear layer, or something added to it. */
function fusions(op: AnyOp, weights: readonly string[]): readonly Fusion<Activated>[] {
  const names = ['x', ...weights].map((name) => [name, name]);
  const product: Pattern = { op, inputs: { ...Object.fromEntries(names), bias: 'bias?' } };
  const of = (activation: Activated['activation'], root: Pattern) => ({
    root,
    attrs: () => ({ activation }),
  });
  return [
    of('gelu', { op: geluOp, inputs: { x: product } }),
    of('silu', { op: siluOp, inputs: { x: product } }),
    of('quickGelu', { op: quickGeluOp, inputs: { x: product } }),
    of('relu', { op: primitives.max, inputs: { a: zero, b: product } }),
    of('none', { op: primitives.add, inputs: { a: product, b: 'residual' } }),
  ];
}

const kernels = (
  op: AnyOp,
  // biome-ignore lint/suspicious/noExplicitAny: rungs of ops with different operands
  rungs: readonly Rung<any, Activated>[],
  fuses: readonly Fusion<Activated>[],
): readonly AnyKernel[] => rungs.map((rung) => ({ ...rung, op, fuses }));

/** The fused op of each kind of linear layer. */
export const activatedOps: readonly {
  readonly base: AnyOp;
  readonly op: AnyOp;
  readonly fuses: readonly Fusion<Activated>[];
}[] = [
  { base: linearOp, op: linearActivatedOp, fuses: fusions(linearOp, ['weight']) },
  { base: linearInt4Op, op: linearInt4ActivatedOp, fuses: fusions(linearInt4Op, ['codes', 'scales']) },
  { base: linearInt8Op, op: linearInt8ActivatedOp, fuses: fusions(linearInt8Op, ['codes', 'scales']) },
];

const rungsOf = [
  floatRungs(activatedEpilogue),
  codesRungs(int4Product, activatedEpilogue),
  codesRungs(int8Product, activatedEpilogue),
];

/** Every rung of the linear layers once more, with an activation or a residual in the same dispatch. */
export const linearActivatedKernels: readonly AnyKernel[] = activatedOps.flatMap(({ op, fuses }, i) =>
  kernels(op, rungsOf[i], fuses),
);
