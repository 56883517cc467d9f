import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowPassRungs } from '../lanes/ladder.js';
import { residualNormOp } from './op.js';
import { normFits, normPass, residualFusions } from './passes.js';

const fuses = residualFusions('x', { late: true });

export const residualNormKernels: readonly Kernel<typeof residualNormOp>[] = rowPassRungs(
  (lanes): Kernel<typeof residualNormOp> => ({
    op: residualNormOp,
    name: 'nn.residual_norm row',
    fuses,
    supports: (types, _, gpu) => normFits(types, gpu),
    passes: (types, attrs) => [normPass(types, attrs, lanes, { addends: 'x', splits: 1 })],
  }),
);
