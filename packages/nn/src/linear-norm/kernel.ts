/// <reference path="../wgsl.d.ts" />
import { type AnyOp, size, type TensorType, tensorType } from '@emu-ts/graph';
import type { AnyKernel, Fusion, GpuView, ManyPasses } from '@emu-ts/webgpu/kernel';
import { rowPassRungs } from '../lanes/ladder.js';
import finishLater from '../linear/finish-later.wgsl';
import { floatProduct } from '../linear/kernel.js';
import { linearOp } from '../linear/op.js';
import { type Epilogue, fewRows, type Product, type ProductTypes, splitRung } from '../linear/product.js';
import { int4Product, int8Product } from '../quantized-linear/kernel.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import type { ResidualNorm } from '../residual-norm/op.js';
import { normFits, normPass, residualFusions } from '../residual-norm/passes.js';
import { rowsOf } from '../rows.js';
import { inRegisters, onMatrixUnits, type Way } from '../ways.js';
import { linearInt4NormOp, linearInt8NormOp, linearNormOp } from './op.js';

type Types = ProductTypes & {
  readonly gain: TensorType;
  readonly shift?: TensorType | undefined;
  readonly sum: TensorType;
};

const kinds = [
  { base: linearOp, op: linearNormOp, product: floatProduct, weights: ['weight'] },
  { base: linearInt4Op, op: linearInt4NormOp, product: int4Product, weights: ['codes', 'scales'] },
  { base: linearInt8Op, op: linearInt8NormOp, product: int8Product, weights: ['codes', 'scales'] },
] as const;

/** The fused op of each kind of linear layer. */
export const normOps: readonly {
  readonly base: AnyOp;
  readonly op: AnyOp;
  readonly fuses: readonly Fusion<ResidualNorm>[];
}[] = kinds.map(({ base, op, weights }) => {
  const names = ['x', ...weights].map((name) => [name, name]);
  const product = { op: base as AnyOp, inputs: { ...Object.fromEntries(names), bias: 'bias?' } };
  return { base, op, fuses: residualFusions(product) };
});

// biome-ignore lint/suspicious/noExplicitAny: products whose weights have different operands
type AnyProduct = Product<any>;

/** Only where the norm's own pass can read what the product left. */
function whereNormFits<K extends ManyPasses<Types, ResidualNorm>>(rung: K): K {
  return {
    ...rung,
    supports: (types: Types, attrs: ResidualNorm, gpu: GpuView) => {
      if (rowsOf(types.x) <= fewRows) return `${rowsOf(types.x)} rows <= ${fewRows}`;
      const fits = normFits(types, gpu);
      return fits === true ? (rung.supports?.(types, attrs, gpu) ?? true) : fits;
    },
  };
}

/**
 * A product whose inner dimension is split needs a pass that adds up: that pass owns whole rows, and so adds the residual and
 * normalises too.
 */
const splitKernels = (way: Way): readonly AnyKernel[] =>
  kinds.flatMap(({ product, base, op }) => {
    const { fuses } = normOps.find((kind) => kind.base === base)!;
    return rowPassRungs((lanes): AnyKernel => {
      const rung = splitRung<Types, ResidualNorm>(
        product as AnyProduct,
        `${product.name}_norm`,
        ({ splits }, types, attrs) => normPass(types, attrs, lanes, { addends: 'partial', splits }),
        way,
      );
      const arrays = product.weights.filter((weight) => weight === 'codes');
      return { ...whereNormFits(rung), op, fuses, arrays };
    });
  });

/** Where the product is not split, it adds the residual, and the norm is a dispatch of its own. */
export const linearNormKernels = splitKernels(inRegisters);

export const linearNormRoundedKernels = splitKernels(onMatrixUnits);

/** For a rung that writes its sums as they are, and leaves the rest to the norm. */
export const left: Epilogue<ResidualNorm> = { suffix: '_norm', source: finishLater, reads: [] };

/** Such a rung, and the norm, for the fused op of a kind of layer. */
export function thenNorm(base: AnyOp, rung: ManyPasses<Types, ResidualNorm>): readonly AnyKernel[] {
  const { op, fuses } = normOps.find((kind) => kind.base === base)!;
  return rowPassRungs(
    (lanes): AnyKernel => ({
      ...whereNormFits(rung),
      op,
      fuses,
      scratch: (types: Types, attrs: ResidualNorm, gpu: GpuView) => ({
        ...rung.scratch?.(types, attrs, gpu),
        sums: tensorType('f32', [size(types.sum)]),
      }),
      passes: (types: Types, attrs: ResidualNorm, gpu: GpuView) => [
        ...rung
          .passes(types, attrs, gpu)
          .map((pass) => (pass.writes.y ? { ...pass, writes: { ...pass.writes, y: 'sums' } } : pass)),
        normPass(types, attrs, lanes, { addends: 'sums', splits: 1 }),
      ],
    }),
  );
}
