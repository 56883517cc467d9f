import { last, primitives, type TensorType } from '@emu-ts/graph';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { columnsPass } from '../norm-vjp/passes.js';
import { rowsOf } from '../rows.js';

type Types = { readonly x: TensorType };

/** Sums over all axes but the last, as every bias receives its gradient: neighbouring lanes read neighbouring columns. */
export const columnSumKernel: AnyKernel = {
  op: primitives.sum,
  name: 'prim.sum columns',
  supports: ({ x }: Types, { axes }: { readonly axes: readonly number[] }) => {
    const leading = x.shape.length - 1;
    if (axes.length !== leading || axes.includes(leading)) return 'not over all axes but the last';
    if (x.dtype !== 'f32' && x.dtype !== 'f16') return 'only f32 and f16';
    return (last(x) >= 16 && rowsOf(x) >= 16) || 'fewer than sixteen rows or columns';
  },
  passes: ({ x }: Types) => [columnsPass({ x }, 'y', { dy: 'x', normal: false })],
};
