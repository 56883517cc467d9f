/// <reference path="../wgsl.d.ts" />
import { last, primitives, type TensorType } from '@emu-ts/graph';
import type { Fusion, GpuView, Pass, Pattern } from '@emu-ts/webgpu/kernel';
import { layerNormOp } from '../layer-norm/op.js';
import { rmsNormOp } from '../rms-norm/op.js';
import { f32, lanesFor, rowsOf, u32 } from '../rows.js';
import type { ResidualNorm } from './op.js';
import source from './residual-norm.wgsl';

/** The pass that adds a residual and normalises, wherever what it adds to comes from. */
interface Types {
  readonly bias?: TensorType | undefined;
  readonly gain: TensorType;
  readonly shift?: TensorType | undefined;
  readonly sum: TensorType;
}

/** Small operands, which leave storage bindings to the others. */
const uniforms = ['bias', 'gain', 'shift'] as const;

/** @param addends where what is added up lies, `splits` of them one after the other */
export function normPass(
  { sum, bias, shift }: Types,
  { norm, eps }: ResidualNorm,
  lanes: string,
  { addends, splits }: { readonly addends: string; readonly splits: number },
): Pass {
  const columns = last(sum);
  return {
    label: 'norm',
    source: `${lanes}\n${source}`,
    reads: {
      addends,
      residual: 'residual',
      bias: bias ? 'bias' : null,
      gain: 'gain',
      shift: shift ? 'shift' : null,
    },
    writes: { y: 'y', sum: 'sum', mean: 'mean', rstd: 'rstd' },
    params: { rows: u32(rowsOf(sum)), columns: u32(columns), splits: u32(splits), eps: f32(eps) },
    overrides: { LANES: lanesFor(columns), COLUMNS: columns, CENTRED: Number(norm === 'layer') },
    workgroups: rowsOf(sum),
    uniforms,
  };
}

/** True, or why a row is too long or a pass binds too much. */
export function normFits(types: Types, { limits }: GpuView): true | string {
  const columns = last(types.sum);
  const bytes = 4 * (columns + lanesFor(columns));
  const available = limits.maxComputeWorkgroupStorageSize;
  if (bytes > available)
    return `rows of ${columns} take ${bytes} bytes of workgroup memory, there are ${available}`;
  const stored = uniforms.filter((name) => types[name] && types[name].dtype !== 'f32');
  const bound = 6 + stored.length;
  const allowed = limits.maxStorageBuffersPerShaderStage;
  return bound <= allowed || `it binds ${bound} buffers, the device allows ${allowed}`;
}

/**
 * A norm that reads a sum, whose first part is `x`. Others may read the sum and the statistics.
 * @param late a part of the sum may be the end of another fusion
 */
export function residualFusions(
  x: Pattern | string,
  { late = false }: { readonly late?: boolean } = {},
): readonly Fusion<ResidualNorm>[] {
  const sum: Pattern = { op: primitives.add, inputs: { a: x, b: 'residual' }, keeps: { y: 'sum' } };
  const layer: Pattern = {
    op: layerNormOp,
    inputs: { x: sum, weight: 'gain', bias: 'shift' },
    keeps: { mean: 'mean', rstd: 'rstd' },
    name: 'norm',
  };
  const rms: Pattern = {
    op: rmsNormOp,
    inputs: { x: sum, weight: 'gain' },
    keeps: { rstd: 'rstd' },
    name: 'norm',
  };
  return [
    { root: layer, attrs: ({ norm }) => ({ norm: 'layer', eps: norm.eps as number }), late },
    { root: rms, attrs: ({ norm }) => ({ norm: 'rms', eps: norm.eps as number }), late },
  ];
}
