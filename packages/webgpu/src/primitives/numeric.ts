/// <reference path="../wgsl.d.ts" />
import { type AnyOp, primitives, size, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Params, ParamValue } from '../kernel/kernel.js';
import argmaxSource from './argmax.wgsl';
import gatherSource from './gather.wgsl';
import { around, axes, broadcastStrides, collapse, groupsFor, strides, u32, u32s } from './geometry.js';
import matmulSource from './matmul.wgsl';
import matmulBatches from './matmul-batches.wgsl';
import { tiledProduct } from './product.js';
import reduceSource from './reduce.wgsl';
import reduceWorkgroupSource from './reduce-workgroup.wgsl';
import scatterAddSource from './scatter-add.wgsl';

type Types = Readonly<Record<string, TensorType>>;

const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
const isFloatType = ({ dtype }: TensorType) => dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';

/** The element a fold starts from, in the type the shader sums in. */
function startOf(x: TensorType, op: 'sum' | 'max'): ParamValue {
  const type = isFloatType(x) ? 'f32' : x.dtype === 'u32' || x.dtype === 'bool' ? 'u32' : 'i32';
  const smallest = { f32: Number.NEGATIVE_INFINITY, i32: -(2 ** 31), u32: 0 };
  return [type, op === 'sum' ? 0 : smallest[type]];
}

/** Results one lane each up to so many elements, one workgroup each beyond. */
const longReduction = 64;

function reduction(name: 'sum' | 'max_reduce', op: 'sum' | 'max'): AnyKernel[] {
  const params = ({ x, y }: Types, { axes: reduced }: { axes: readonly number[] }): Params => {
    const own = strides(x.shape);
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

function matmulParams({ a, b, y }: Types): Params {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batch = y.shape.slice(0, -2);
  const along = (x: TensorType, matrix: number) =>
    broadcastStrides(x.shape.slice(0, -2), batch).map((s) => s * matrix);
  const walk = collapse(batch, [along(a, m * k), along(b, k * n)]);
  return {
    size: u32(size(y)),
    m: u32(m),
    n: u32(n),
    k: u32(k),
    rank: u32(walk.shape.length),
    shape: axes(walk.shape),
    a_strides: axes(walk.strides[0]),
    b_strides: axes(walk.strides[1]),
  };
}

const matmulTiled = (
  name: string,
  vector: boolean,
  supports: (types: Types) => true | string,
): AnyKernel => ({
  op: primitives.matmul as AnyOp,
  ...tiledProduct<unknown>({
    name,
    source: matmulBatches,
    tiles: { a: 'along', b: 'across', matrices: true, keep: true },
    reads: ['a', 'b'],
    supports,
    product: (types) => {
      const { a, b, y } = types;
      const [m, k] = a.shape.slice(-2);
      const n = b.shape[b.shape.length - 1];
      return {
        batch: product(y.shape.slice(0, -2)),
        m,
        n,
        k,
        params: { ...matmulParams(types), ...u32s({ lines_a: m, width_a: k, lines_b: k, width_b: n }) },
        overrides: { VECTOR: Number(vector), STORE4: Number(vector) },
        widths: vector ? { a: 4, b: 4, y: 4 } : {},
      };
    },
  }),
});

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
  matmul: [
    matmulTiled('prim.matmul tiled vec4', true, ({ a, b, y }) => {
      const [k, n] = b.shape.slice(-2);
      if ([a, b, y].some(({ dtype }) => dtype !== 'f32' && dtype !== 'f16')) return 'only f32 and f16';
      return k % 4 || n % 4 ? `k = ${k} and n = ${n} do not both divide by 4` : true;
    }),
    matmulTiled('prim.matmul tiled', false, ({ y }) => isFloatType(y) || 'only floats'),
    {
      op: primitives.matmul as AnyOp,
      name: 'prim.matmul',
      source: matmulSource,
      params: matmulParams,
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
};
