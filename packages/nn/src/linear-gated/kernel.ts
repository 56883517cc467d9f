/// <reference path="../wgsl.d.ts" />
import { type AnyOp, primitives, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Fusion, ManyPasses, Pattern } from '@emu-ts/webgpu/kernel';
import functions from '../activations/functions.wgsl';
import { activationCodes } from '../activations/kernel.js';
import { geluOp } from '../gelu/op.js';
import { floatProduct } from '../linear/kernel.js';
import { linearOp } from '../linear/op.js';
import { fewRows, type Product, type ProductTypes } from '../linear/product.js';
import { int4Product, int8Product } from '../quantized-linear/kernel.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import { siluOp } from '../silu/op.js';
import { inRegisters, onMatrixUnits, tilesOf, tiling, type Way, wayOpen } from '../ways.js';
import gateCodes from './gate-codes.wgsl';
import gateHalf from './gate-half.wgsl';
import gateWeight from './gate-weight.wgsl';
import tilesSource from './gated-tiles.wgsl';
import { type Gated, linearGatedOp, linearInt4GatedOp, linearInt8GatedOp } from './op.js';

/** One half of the last axis: the first where it starts at zero, the second where it ends elsewhere than the first. */
const half = (x: Pattern, second: boolean): Pattern => ({
  op: primitives.slice,
  inputs: { x },
  when(attrs) {
    const [starts, ends, steps] = [attrs.starts, attrs.ends, attrs.steps] as (readonly number[])[];
    const axis = starts.length - 1;
    const size = ends[axis] - starts[axis];
    return (
      starts[axis] === (second ? size : 0) &&
      starts.every((start, i) => i === axis || start === 0) &&
      steps.every((step) => step === 1)
    );
  },
});

/** How one kind of linear layer stores its weight, and the operands of the gated op that hold the gates'. */
interface Format {
  readonly base: AnyOp;
  readonly op: AnyOp;
  // biome-ignore lint/suspicious/noExplicitAny: products whose weights have different operands
  readonly product: Product<any>;
  /** Operand of the layer → operand of the gates. */
  readonly gates: Readonly<Record<string, string>>;
  readonly source: string;
}

const formats: readonly Format[] = [
  { base: linearOp, op: linearGatedOp, product: floatProduct, gates: { weight: 'gate' }, source: gateWeight },
  ...[
    { base: linearInt4Op as AnyOp, op: linearInt4GatedOp as AnyOp, product: int4Product },
    { base: linearInt8Op as AnyOp, op: linearInt8GatedOp as AnyOp, product: int8Product },
  ].map((kind) => ({ ...kind, gates: { codes: 'gateCodes', scales: 'gateScales' }, source: gateCodes })),
];

function fusions({ base, product, gates }: Format): readonly Fusion<Gated>[] {
  const layer = (named: (weight: string) => string, bias: string): Pattern => ({
    op: base,
    inputs: { x: 'x', ...Object.fromEntries(product.weights.map((w) => [w, named(w)])), bias },
  });
  const values = layer((weight) => weight, 'bias?');
  return [geluOp as AnyOp, siluOp as AnyOp].flatMap((op, i) =>
    [
      [values, layer((weight) => gates[weight], 'gateBias?')],
      [half(values, false), half(values, true)],
    ].map(([a, b]) => ({
      root: { op: primitives.mul, inputs: { a, b: { op, inputs: { x: b } } } },
      attrs: () => ({ activation: (['gelu', 'silu'] as const)[i] }),
    })),
  );
}

type Types = ProductTypes & Readonly<Record<string, TensorType | undefined>>;

function gatedKernel({ op, product, gates, source }: Format, way: Way): ManyPasses<Types, Gated> {
  const apart = (types: Types) => types[Object.values(gates)[0]] !== undefined;
  return {
    name: `${op.name} ${way.name}`,
    arrays: ['codes', 'gateCodes'],
    supports: (types, _, gpu) => {
      const open = wayOpen(way, gpu);
      if (open !== true) return open;
      if (rowsOf(types.x) <= fewRows) return `${rowsOf(types.x)} rows <= ${fewRows}`;
      const { weight, gate } = types;
      return !gate || gate.dtype === weight?.dtype || `a weight of ${weight?.dtype}, gates of ${gate.dtype}`;
    },
    passes: (types, attrs) => {
      const [rows, k] = product.size(types);
      const [m, n] = [rowsOf(types.x), apart(types) ? 2 * rows : rows];
      const { tiles } = tilesOf({ m, n, k }, way);
      const widths = { x: vectorises(k, types.x) ? (4 as const) : (1 as const), ...product.widths(types) };
      const operands = [
        ...product.weights,
        'bias',
        ...(apart(types) ? ['gateBias', ...Object.values(gates)] : []),
      ];
      return [
        {
          source: [product.operands, apart(types) ? source : gateHalf, functions, tilesSource].join('\n'),
          tiles: { a: 'along', b: 'along', units: way.units },
          reads: { x: 'x', ...Object.fromEntries(operands.map((name) => [name, name])) },
          writes: { y: 'y' },
          params: {
            ...Object.fromEntries(
              Object.entries({ m, n, k, batch: 1, span: k, tiles }).map(([name, value]) => [
                name,
                u32(value),
              ]),
            ),
            ...product.params?.(types, attrs),
          },
          overrides: {
            VECTOR: Number(vectorises(k, types.x)),
            ...tiling(way, m, types.x, ...product.weights.map((name) => types[name] as TensorType)),
            ...product.overrides?.(types),
            OP: activationCodes[attrs.activation],
          },
          widths: {
            ...widths,
            ...Object.fromEntries(
              Object.entries(gates).map(([own, gate]) => [gate, widths[own as 'x'] ?? 1]),
            ),
          },
          workgroups: tiles,
        },
      ];
    },
  };
}

const kernels = (way: Way): readonly AnyKernel[] =>
  formats.map(
    (format): AnyKernel => ({
      ...gatedKernel(format, way),
      op: format.op,
      fuses: fusions(format),
    }),
  );

export const linearGatedKernels = kernels(inRegisters);
export const linearGatedRoundedKernels = kernels(onMatrixUnits);
