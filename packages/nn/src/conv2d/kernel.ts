import type { Kernel } from '@emu-ts/webgpu/kernel';
import { conv2dOp } from './op.js';
import { convPasses, convScratch } from './passes.js';

export const conv2dKernel: Kernel<typeof conv2dOp> = {
  op: conv2dOp,
  name: 'nn.conv2d tiled',
  scratch: ({ x, weight, y }, geometry) => convScratch({ x, weight, y, ...geometry }),
  passes: ({ x, weight, y }, geometry) => convPasses({ x, weight, y, ...geometry }),
};
