/// <reference path="../wgsl.d.ts" />
import { type AnyOp, broadcastStrides, primitives, size, stridesOf, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Params, ParamValue, Pass } from '../kernel/kernel.js';
import copySource from './copy.wgsl';
import fillSource from './fill.wgsl';
import { around, axes, collapse, dot, groupsFor, u32 } from './geometry.js';
import iotaSource from './iota.wgsl';

type Types = Readonly<Record<string, TensorType>>;

/** One side of a copy: where it starts and how it steps. */
interface Place {
  readonly strides: readonly number[];
  readonly offset?: number | undefined;
}

interface Move {
  readonly shape: readonly number[];
  readonly from: Place;
  readonly to: Place;
  /** A start known on the device: its largest value, and what one step of it moves on either side. */
  readonly start?: { readonly max: number; readonly source: number; readonly target: number } | undefined;
}

/** A pass of `copy.wgsl`. `x`, `y` and `start` name operands. */
function move(names: { x: string; y: string; start?: string }, { shape, from, to, start }: Move): Pass {
  const walk = collapse(shape, [from.strides, to.strides]);
  const elements = shape.reduce((n, d) => n * d, 1);
  return {
    source: copySource,
    reads: { x: names.x, start: names.start ?? null },
    writes: { y: names.y },
    params: {
      size: u32(elements),
      rank: u32(walk.shape.length),
      source_offset: u32(from.offset ?? 0),
      target_offset: u32(to.offset ?? 0),
      start_max: u32(start?.max ?? 0),
      start_source: u32(start?.source ?? 0),
      start_target: u32(start?.target ?? 0),
      shape: axes(walk.shape),
      source_strides: axes(walk.strides[0]),
      target_strides: axes(walk.strides[1]),
    },
    workgroups: groupsFor(elements),
  };
}

const moving = (name: string, op: unknown, describe: (types: Types, attrs: never) => Move): AnyKernel[] => [
  {
    op: op as AnyOp,
    name: `prim.${name}`,
    passes: (types: Types, attrs: never) => [move({ x: 'x', y: 'y' }, describe(types, attrs))],
  },
];

const typed = ({ dtype }: TensorType, value: number): ParamValue =>
  dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' ? ['f32', value] : ['i32', value];

const fillPass = (y: TensorType, value: number): Pass => ({
  source: fillSource,
  reads: {},
  writes: { y: 'y' },
  params: { size: u32(size(y)), value: typed(y, value) } satisfies Params,
  workgroups: groupsFor(size(y)),
});

export const layout = {
  full: [
    {
      op: primitives.full as AnyOp,
      name: 'prim.full',
      passes: ({ value: y }: Types, { value }: { value: number }) => [
        { ...fillPass(y, value), writes: { y: 'value' } },
      ],
    },
  ] as AnyKernel[],
  iota: [
    {
      op: primitives.iota as AnyOp,
      name: 'prim.iota',
      passes: ({ value: y }: Types, { axis }: { axis: number }): Pass[] => {
        const [, count, inner] = around(y.shape, axis);
        return [
          {
            source: iotaSource,
            reads: {},
            writes: { y: 'value' },
            params: { size: u32(size(y)), count: u32(count), inner: u32(inner) },
            workgroups: groupsFor(size(y)),
          },
        ];
      },
    },
  ] as AnyKernel[],
  transpose: moving(
    'transpose',
    primitives.transpose,
    ({ x, y }, { permutation }: { permutation: readonly number[] }) => {
      const own = stridesOf(x.shape);
      return {
        shape: y.shape,
        from: { strides: permutation.map((axis) => own[axis]) },
        to: { strides: stridesOf(y.shape) },
      };
    },
  ),
  broadcast: moving('broadcast', primitives.broadcast, ({ x, y }) => ({
    shape: y.shape,
    from: { strides: broadcastStrides(x.shape, y.shape) },
    to: { strides: stridesOf(y.shape) },
  })),
  slice: moving(
    'slice',
    primitives.slice,
    ({ x, y }, { starts, steps }: { starts: readonly number[]; steps: readonly number[] }) => {
      const own = stridesOf(x.shape);
      return {
        shape: y.shape,
        from: { strides: own.map((s, i) => s * steps[i]), offset: dot(own, starts) },
        to: { strides: stridesOf(y.shape) },
      };
    },
  ),
  pad: [
    {
      op: primitives.pad as AnyOp,
      name: 'prim.pad',
      passes: (
        { x, y }: Types,
        { low, interior }: { low: readonly number[]; interior: readonly number[] },
      ) => {
        const own = stridesOf(y.shape);
        const to = { strides: own.map((s, i) => s * (interior[i] + 1)), offset: dot(own, low) };
        return [
          { ...fillPass(y, 0), label: 'fill' },
          move({ x: 'x', y: 'y' }, { shape: x.shape, from: { strides: stridesOf(x.shape) }, to }),
        ];
      },
    },
  ] as AnyKernel[],
  concat: [
    {
      op: primitives.concat as AnyOp,
      name: 'prim.concat',
      passes: ({ y, ...parts }: Types, { axis }: { axis: number }) => {
        const own = stridesOf(y.shape);
        let start = 0;
        return Object.entries(parts).map(([name, part]) => {
          const offset = start * own[axis];
          start += part.shape[axis];
          const from = { strides: stridesOf(part.shape) };
          return move({ x: name, y: 'y' }, { shape: part.shape, from, to: { strides: own, offset } });
        });
      },
    },
  ] as AnyKernel[],
  dynamic_slice: [
    {
      op: primitives.dynamic_slice as AnyOp,
      name: 'prim.dynamic_slice',
      passes: ({ x, y }: Types, { axis, length }: { axis: number; length: number }) => {
        const own = stridesOf(x.shape);
        const start = { max: x.shape[axis] - length, source: own[axis], target: 0 };
        const places = { from: { strides: own }, to: { strides: stridesOf(y.shape) } };
        return [move({ x: 'x', y: 'y', start: 'start' }, { shape: y.shape, ...places, start })];
      },
    },
  ] as AnyKernel[],
  update_slice: [
    {
      op: primitives.update_slice as AnyOp,
      name: 'prim.update_slice',
      startsFrom: { y: 'x' },
      passes: ({ x, update }: Types, { axis }: { axis: number }) => {
        const own = stridesOf(x.shape);
        const start = { max: x.shape[axis] - update.shape[axis], source: 0, target: own[axis] };
        const places = { from: { strides: stridesOf(update.shape) }, to: { strides: own } };
        return [move({ x: 'update', y: 'y', start: 'start' }, { shape: update.shape, ...places, start })];
      },
    },
  ] as AnyKernel[],
};
