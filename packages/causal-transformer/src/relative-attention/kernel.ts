/// <reference path="../wgsl.d.ts" />
import { primitives } from '@emu-ts/graph';
import { type AttentionAttrs, embeddingOp, sdpaOp } from '@emu-ts/nn';
import { attentionRungs } from '@emu-ts/nn/webgpu';
import type { Fusion, Kernel, Pattern, TypesOf } from '@emu-ts/webgpu/kernel';
import { apart, relativeAttentionOp, turn } from './op.js';
import source from './relative-bias.wgsl';

type Types = TypesOf<typeof relativeAttentionOp>;

const transposed = (x: Pattern | string, order: readonly number[], shared = false): Pattern => ({
  op: primitives.transpose,
  inputs: { x },
  shared,
  when: ({ permutation }) => String(permutation) === String(order),
});

/** One table for all blocks: the graph spreads it once, every block reads that. */
const byPair: Pattern = { op: embeddingOp, inputs: { ids: 'ids', weight: 'table' }, shared: true };

const fusion: Fusion<AttentionAttrs> = {
  root: transposed(
    {
      op: sdpaOp,
      inputs: {
        q: transposed('q', turn),
        k: transposed('k', turn),
        v: transposed('v', turn),
        bias: transposed(byPair, [2, 0, 1], true),
      },
      name: 'attention',
    },
    turn,
  ),
  attrs: ({ attention }) => attention as AttentionAttrs,
};

/** The rungs of attention, with a bias that is looked up and heads read from where they lie. */
export const relativeAttentionKernels: readonly Kernel<typeof relativeAttentionOp>[] = attentionRungs<
  Types,
  AttentionAttrs
>({
  name: 'causal_transformer.attention',
  types: apart,
  lines: ({ q: { shape } }) => {
    const heads = shape[2];
    return { rows: { q: heads, k: heads, v: heads, out: heads } };
  },
  bias: { source, params: () => ({}) },
}).map((rung): Kernel<typeof relativeAttentionOp> => ({ ...rung, op: relativeAttentionOp, fuses: [fusion] }));
