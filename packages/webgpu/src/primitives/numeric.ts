/// <reference path="../wgsl.d.ts" />
import { isFloat } from '@emu-ts/base';
import { type AnyOp, primitives, size, stridesOf, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Params, ParamValue } from '../kernel/kernel.js';
import argmaxSource from './argmax.wgsl';
import gatherSource from './gather.wgsl';
import { around, axes, collapse, groupsFor, u32 } from './geometry.js';
import reduceSource from './reduce.wgsl';
import reduceWorkgroupSource from './reduce-workgroup.wgsl';
import scatterAddSource from './scatter-add.wgsl';

type Types = Readonly<Record<string, TensorType>>;

const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);

/** The element a fold starts from, in the type the shader sums in. */
function startOf(x: TensorType, op: 'sum' | 'max'): ParamValue {
  const type = isFloat(x.dtype) ? 'f32' : x.dtype === 'u32' || x.dtype === 'bool' ? 'u32' : 'i32';
  const smallest = { f32: Number.NEGATIVE_INFINITY, i32: -(2 ** 31), u32: 0 };
  return [type, op === 'sum' ? 0 : smallest[type]];
}

/** Results one lane each up to so many elements, one workgroup each beyond. */
const longReduction = 64;

function reduction(name: 'sum' | 'max_reduce', op: 'sum' | 'max'): AnyKernel[] {
  const params = ({ x, y }: Types, { axes: reduced }: { axes: readonly number[] }): Params => {
    const own = stridesOf(x.shape);
    const part = (wanted: boolean) => {
      const list = x.shape.map((_, i) => i).filter((i) => reduced.includes(i) === wanted);
      const walk = collapse(
        list.map((i) => x.shape[i]),
        [list.map((i) => own[i])],
      );
      return { shape: walk.shape, strides: walk.strides[0] };
    };
    const [kept, folded] = [part(false), part(true)];
    return {
      size: u32(size(y)),
      count: u32(product(reduced.map((axis) => x.shape[axis]))),
      kept_rank: u32(kept.shape.length),
      reduced_rank: u32(folded.shape.length),
      start: startOf(x, op),
      kept_shape: axes(kept.shape),
      kept_strides: axes(kept.strides),
      reduced_shape: axes(folded.shape),
      reduced_strides: axes(folded.strides),
    };
  };
  const common = { op: primitives[name] as AnyOp, params, overrides: () => ({ OP: op === 'sum' ? 0 : 1 }) };
  return [
    {
      ...common,
      name: `prim.${name} workgroup`,
      source: reduceWorkgroupSource,
      supports: ({ x, y }: Types) =>
        size(x) >= longReduction * size(y) || `fewer than ${longReduction} elements a result`,
      workgroups: ({ y }: Types) => size(y),
    },
    {
      ...common,
      name: `prim.${name}`,
      source: reduceSource,
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ];
}

export const numeric = {
  sum: reduction('sum', 'sum'),
  max_reduce: reduction('max_reduce', 'max'),
  argmax: [
    {
      op: primitives.argmax as AnyOp,
      name: 'prim.argmax',
      source: argmaxSource,
      params: ({ x, y }: Types, { axis }: { axis: number }) => {
        const [, n, inner] = around(x.shape, axis);
        return { size: u32(size(y)), n: u32(n), inner: u32(inner) };
      },
      workgroups: ({ y }: Types) => size(y),
    },
  ] as AnyKernel[],
  gather: [
    {
      op: primitives.gather as AnyOp,
      name: 'prim.gather',
      source: gatherSource,
      params: ({ x, indices, y }: Types, { axis }: { axis: number }) => {
        const [, n, inner] = around(x.shape, axis);
        return { size: u32(size(y)), n: u32(n), inner: u32(inner), count: u32(size(indices)) };
      },
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
  scatter_add: [
    {
      op: primitives.scatter_add as AnyOp,
      name: 'prim.scatter_add',
      source: scatterAddSource,
      startsFrom: { y: 'x' },
      params: ({ x, indices }: Types, { axis }: { axis: number }) => {
        const [outer, n, inner] = around(x.shape, axis);
        return { columns: u32(outer * inner), n: u32(n), inner: u32(inner), count: u32(size(indices)) };
      },
      workgroups: ({ x }: Types, { axis }: { axis: number }) => {
        const [outer, , inner] = around(x.shape, axis);
        return groupsFor(outer * inner);
      },
    },
  ] as AnyKernel[],
};
