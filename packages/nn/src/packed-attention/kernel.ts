import { type Attrs, primitives } from '@emu-ts/graph';
import type { Fusion, Kernel, Pattern, TypesOf } from '@emu-ts/webgpu/kernel';
import { type AttentionView, attentionRungs, attentionUnits } from '../sdpa/kernel.js';
import { type AttentionAttrs, sdpaOp } from '../sdpa/op.js';
import { turns } from '../token-attention/op.js';
import { type PackedAttention, packedAttentionOp, parts } from './op.js';

const turned = (x: Pattern): Pattern => ({
  op: primitives.transpose,
  inputs: { x },
  when: ({ permutation }) => turns(permutation as readonly number[]),
});

/** Columns of a projection, cut out along its last axis of three. */
const cut = (name: string): Pattern => ({
  op: primitives.slice,
  inputs: { x: name },
  name,
  when: ({ starts, steps }) => {
    const [leading, of] = [starts as readonly number[], steps as readonly number[]];
    return leading.length === 3 && leading[0] === 0 && leading[1] === 0 && of.every((step) => step === 1);
  },
});

const columns = ({ starts, ends }: Attrs): readonly [number, number] => [
  (starts as readonly number[])[2],
  (ends as readonly number[])[2],
];

const fusion: Fusion<PackedAttention> = {
  root: turned({
    op: sdpaOp,
    inputs: { q: turned(cut('q')), k: turned(cut('k')), v: turned(cut('v')), bias: 'bias?' },
    name: 'attention',
  }),
  attrs: ({ attention, q, k, v }, types) => ({
    ...(attention as AttentionAttrs),
    heads: types.attention.shape[1],
    columns: { q: columns(q), k: columns(k), v: columns(v) },
  }),
};

type Types = TypesOf<typeof packedAttentionOp>;

/** Heads in a row of each projection, and where its own begin. */
function lines(types: Types, attrs: PackedAttention) {
  const own = parts(types, attrs);
  const of = (name: 'q' | 'k' | 'v') => {
    const size = own[name].shape[3];
    return { row: types[name].shape[2] / size, at: attrs.columns[name][0] / size };
  };
  const [q, k, v] = [of('q'), of('k'), of('v')];
  return {
    rows: { q: q.row, k: k.row, v: v.row, out: attrs.heads },
    first: { q: q.at, k: k.at, v: v.at },
  };
}

const view: AttentionView<Types, PackedAttention> = {
  name: 'attention.packed',
  types: parts,
  lines,
  supports: (types, attrs) => {
    const { rows, first } = lines(types, attrs);
    const whole = [rows.q, rows.k, rows.v, first.q, first.k, first.v].every(Number.isInteger);
    return whole || 'columns of heads do not begin at whole heads';
  },
};

/** The rungs of attention, with heads read from where a projection left them. */
export const packedAttentionKernels: readonly Kernel<typeof packedAttentionOp>[] = attentionRungs(view).map(
  (rung): Kernel<typeof packedAttentionOp> => ({ op: packedAttentionOp, fuses: [fusion], ...rung }),
);
export const packedAttentionRoundedKernel: Kernel<typeof packedAttentionOp> = {
  op: packedAttentionOp,
  fuses: [fusion],
  ...attentionUnits(view),
};
