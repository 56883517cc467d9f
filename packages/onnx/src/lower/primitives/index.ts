import type { PrimitiveName, Primitives } from '@emu-ts/graph';
import type { Lowering } from '../context.js';
import * as conv from './conv.js';
import * as elementwise from './elementwise.js';
import * as indexing from './index-ops.js';
import * as layout from './layout.js';
import { matmul } from './matmul.js';
import * as reduce from './reduce.js';
import * as source from './source.js';

/** Placed by `lowerGraph` itself: their names and bytes come from the caller. */
type Placed = 'input' | 'constant';

/** Every primitive as ONNX operators: the compiler names what is missing. */
export const primitiveLowerings = {
  ...source,
  ...elementwise,
  ...reduce,
  ...layout,
  gather: indexing.gather,
  scatter_add: indexing.scatter_add,
  dynamic_slice: indexing.dynamic_slice,
  update_slice: indexing.update_slice,
  matmul,
  ...conv,
} satisfies { readonly [N in Exclude<PrimitiveName, Placed>]: Lowering<Primitives[N]> };
