import { primitives } from '@emu-ts/graph';
import type { Fusion, Kernel, Pattern, TypesOf } from '@emu-ts/webgpu/kernel';
import { type AttentionView, attentionRungs, attentionUnits } from '../sdpa/kernel.js';
import { type AttentionAttrs, sdpaOp } from '../sdpa/op.js';
import { apart, type TokenAttention, tokenAttentionOp, turns } from './op.js';

const turned = (x: Pattern | string): Pattern => ({
  op: primitives.transpose,
  inputs: { x },
  when: ({ permutation }) => turns(permutation as readonly number[]),
});

const fusion = (tokens: boolean): Fusion<TokenAttention> => {
  const operand = (name: string) => (tokens ? turned(name) : name);
  const inputs = { q: turned('q'), k: operand('k'), v: operand('v'), bias: 'bias?' };
  return {
    root: turned({ op: sdpaOp, inputs, name: 'attention' }),
    attrs: ({ attention }) => ({ ...(attention as AttentionAttrs), tokens }),
  };
};

const view: AttentionView<TypesOf<typeof tokenAttentionOp>, TokenAttention> = {
  name: 'attention.tokens',
  types: apart,
  lines: ({ q: { shape } }, { tokens }) => {
    const heads = shape[2];
    const others = tokens ? heads : 0;
    return { rows: { q: heads, k: others, v: others, out: heads } };
  },
};

const fuses = [fusion(true), fusion(false)];

/** The rungs of attention, with heads read from where they lie. */
export const tokenAttentionKernels: readonly Kernel<typeof tokenAttentionOp>[] = attentionRungs(view).map(
  (rung): Kernel<typeof tokenAttentionOp> => ({ op: tokenAttentionOp, fuses, ...rung }),
);
export const tokenAttentionRoundedKernel: Kernel<typeof tokenAttentionOp> = {
  op: tokenAttentionOp,
  fuses,
  ...attentionUnits(view),
};
