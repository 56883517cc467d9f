import type { PrimitiveName } from '@emu-ts/graph';
import type { AnyKernel } from '../kernel/kernel.js';
import { conv2d } from './conv2d.js';
import { elementwise } from './elementwise.js';
import { layout } from './layout.js';
import { matmul } from './matmul.js';
import { numeric } from './numeric.js';

/**
 * A kernel for every primitive, ladders from the fastest rung down to one that takes anything. Inputs and constants are
 * buffers already, and a reshape is another look at the same one.
 */
export const primitiveKernels = {
  input: [],
  constant: [],
  reshape: [],
  ...elementwise,
  ...layout,
  ...numeric,
  ...matmul,
  ...conv2d,
} satisfies Record<PrimitiveName, readonly AnyKernel[]>;
