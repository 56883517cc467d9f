import type { Kernel } from '@emu-ts/webgpu/kernel';
import { inRegisters, onMatrixUnits, type Way } from '../ways.js';
import { conv2dOp } from './op.js';
import { convFits, convPasses, convScratch } from './passes.js';

const rung = (way: Way): Kernel<typeof conv2dOp> => ({
  op: conv2dOp,
  name: `nn.conv2d ${way.name}`,
  supports: ({ x, weight, y }, geometry, gpu) => convFits({ x, weight, y, ...geometry }, way, gpu),
  scratch: ({ x, weight, y }, geometry) => convScratch({ x, weight, y, ...geometry }, way),
  passes: ({ x, weight, y }, geometry) => convPasses({ x, weight, y, ...geometry }, way),
});

export const conv2dKernel = rung(inRegisters);
export const conv2dRoundedKernel = rung(onMatrixUnits);
