/// <reference path="../wgsl.d.ts" />
import { type AnyOp, broadcastStrides, primitives, sameShape, size, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Params } from '../kernel/kernel.js';
import binarySource from './binary.wgsl';
import binaryVec4Source from './binary-vec4.wgsl';
import castSource from './cast.wgsl';
import compareSource from './compare.wgsl';
import { axes, collapse, groupsFor, u32 } from './geometry.js';
import unarySource from './unary.wgsl';
import whereSource from './where.wgsl';

type Types = Readonly<Record<string, TensorType>>;

const unaryNames = ['neg', 'exp', 'log', 'sqrt', 'rsqrt', 'sin', 'cos', 'tanh', 'erf'] as const;
const binaryNames = ['add', 'sub', 'mul', 'div', 'max', 'min'] as const;
const comparisonNames = ['less', 'equal', 'and'] as const;

/** 1- and 2-byte elements can be written four at a time only where a whole word format exists. */
const wide = ({ dtype }: TensorType) =>
  dtype === 'f32' || dtype === 'f16' || dtype === 'i32' || dtype === 'u32';

const unary = (name: (typeof unaryNames)[number], op: number): AnyKernel[] => {
  const common = {
    op: primitives[name] as AnyOp,
    source: unarySource,
    elementwise: true,
    params: ({ x }: Types) => ({ size: u32(size(x)) }),
    overrides: () => ({ OP: op }),
    workgroups: ({ x }: Types) => groupsFor(Math.ceil(size(x) / 4)),
  };
  return [
    {
      ...common,
      name: `prim.${name} vec4`,
      supports: ({ x }: Types) =>
        !wide(x) ? 'elements are packed' : size(x) % 4 === 0 || 'the size does not divide by 4',
      widths: () => ({ x: 4, y: 4 }),
    },
    { ...common, name: `prim.${name}` },
  ];
};

/** How operands are found by walking the result: `shape`, `rank`, and `<name>_strides` for each. */
export function walkParams(types: Types, operands: readonly string[]): Params {
  const { shape } = types.y;
  const walk = collapse(
    shape,
    operands.map((name) => broadcastStrides(types[name].shape, shape)),
  );
  return {
    size: u32(size(types.y)),
    rank: u32(walk.shape.length),
    shape: axes(walk.shape),
    ...Object.fromEntries(operands.map((name, i) => [`${name}_strides`, axes(walk.strides[i])])),
  };
}

const single = (x: TensorType) => size(x) === 1;

const binary = (name: (typeof binaryNames)[number], op: number): AnyKernel[] => [
  {
    op: primitives[name] as AnyOp,
    name: `prim.${name} vec4`,
    source: binaryVec4Source,
    elementwise: true,
    supports: ({ a, b, y }: Types) => {
      if (!wide(a)) return 'elements are packed';
      if (size(y) % 4) return 'the size does not divide by 4';
      const fits = (x: TensorType) => single(x) || sameShape(x.shape, y.shape);
      return (fits(a) && fits(b)) || 'an operand is broadcast along some axes';
    },
    params: ({ y }: Types) => ({ size: u32(size(y) / 4) }),
    overrides: ({ a, b }: Types) => ({ OP: op, A_SINGLE: Number(single(a)), B_SINGLE: Number(single(b)) }),
    widths: ({ a, b }: Types) => ({ a: single(a) ? 1 : 4, b: single(b) ? 1 : 4, y: 4 }),
    workgroups: ({ y }: Types) => groupsFor(size(y) / 4),
  },
  {
    op: primitives[name] as AnyOp,
    name: `prim.${name}`,
    source: binarySource,
    elementwise: true,
    params: (types: Types) => walkParams(types, ['a', 'b']),
    overrides: ({ a, b, y }: Types) => ({
      OP: op,
      DENSE: Number(sameShape(a.shape, y.shape) && sameShape(b.shape, y.shape)),
    }),
    workgroups: ({ y }: Types) => groupsFor(size(y)),
  },
];

const comparison = (name: (typeof comparisonNames)[number], op: number): AnyKernel[] => [
  {
    op: primitives[name] as AnyOp,
    name: `prim.${name}`,
    source: compareSource,
    params: (types: Types) => walkParams(types, ['a', 'b']),
    overrides: () => ({ OP: op }),
    workgroups: ({ y }: Types) => groupsFor(size(y)),
  },
];

const named = <N extends string>(names: readonly N[], make: (name: N, op: number) => AnyKernel[]) =>
  Object.fromEntries(names.map((name, i) => [name, make(name, i)])) as Record<N, AnyKernel[]>;

export const elementwise = {
  ...named(unaryNames, unary),
  ...named(binaryNames, binary),
  ...named(comparisonNames, comparison),
  where: [
    {
      op: primitives.where as AnyOp,
      name: 'prim.where',
      source: whereSource,
      params: (types: Types) => walkParams(types, ['condition', 'a', 'b']),
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
  cast: [
    {
      op: primitives.cast as AnyOp,
      name: 'prim.cast',
      source: castSource,
      params: ({ x }: Types) => ({ size: u32(size(x)) }),
      overrides: ({ y }: Types) => ({ TO_BOOL: Number(y.dtype === 'bool') }),
      workgroups: ({ x }: Types) => groupsFor(size(x)),
    },
  ] as AnyKernel[],
};
