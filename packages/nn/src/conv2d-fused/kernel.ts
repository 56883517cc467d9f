import { primitives, type TensorType } from '@emu-ts/graph';
import type { Fusion, Kernel, Pattern } from '@emu-ts/webgpu/kernel';
import { conv2dOp } from '../conv2d/op.js';
import { type Convolution, convPasses, convScratch } from '../conv2d/passes.js';
import { groupNormOp } from '../group-norm/op.js';
import { normScratch, tablePasses } from '../group-norm/passes.js';
import { siluOp } from '../silu/op.js';
import { upsampleNearestOp } from '../upsample-nearest/op.js';
import { conv2dFusedOp, type FusedConvolution, seen } from './op.js';

type Attrs = Readonly<Record<string, unknown>>;

const norm: Pattern = { op: groupNormOp, inputs: { x: 'x', weight: 'gain', bias: 'shift' }, name: 'norm' };
const enlarged: Pattern = { op: upsampleNearestOp, inputs: { x: 'x' }, name: 'enlarged' };

/** Cuts rows or columns off the end. */
const cut = (x: Pattern, name?: string): Pattern => ({
  op: primitives.slice,
  inputs: { x },
  name,
  when: ({ starts, steps }) =>
    (starts as readonly number[]).every((start) => start === 0) &&
    (steps as readonly number[]).every((step) => step === 1),
});

/** What a convolution may read, the largest first. */
const sources: readonly { readonly source: Pattern | 'x'; readonly silu?: boolean }[] = [
  { source: { op: siluOp, inputs: { x: norm } }, silu: true },
  { source: norm },
  { source: cut(cut(enlarged), 'cut') },
  { source: cut(enlarged, 'cut') },
  { source: enlarged },
  { source: 'x' },
];

function attrsFrom(of: Readonly<Record<string, Attrs>>, silu = false): FusedConvolution {
  const { strides, padding } = of.conv as Pick<FusedConvolution, 'strides' | 'padding'>;
  const { groups, eps } = (of.norm ?? { groups: 1, eps: 0 }) as Pick<FusedConvolution, 'groups' | 'eps'>;
  const { factor } = (of.enlarged ?? { factor: 1 }) as Pick<FusedConvolution, 'factor'>;
  const [, , height, width] = (of.cut?.ends ?? [0, 0, 0, 0]) as readonly number[];
  return { strides, padding, groups, eps, silu, factor, height, width };
}

const fusions: readonly Fusion<FusedConvolution>[] = sources.flatMap(({ source, silu }) => {
  const conv: Pattern = {
    op: conv2dOp,
    inputs: { x: source, weight: 'weight', bias: 'bias?' },
    name: 'conv',
  };
  const attrs = (of: Readonly<Record<string, Attrs>>) => attrsFrom(of, silu);
  const sum = { root: { op: primitives.add, inputs: { a: conv, b: 'added' } }, attrs };
  return source === 'x' ? [sum] : [sum, { root: conv, attrs }];
});

type Types = {
  readonly x: TensorType;
  readonly gain?: TensorType | undefined;
  readonly weight: TensorType;
  readonly added?: TensorType | undefined;
  readonly y: TensorType;
};

const convolution = ({ x, gain, weight, added, y }: Types, attrs: FusedConvolution): Convolution => ({
  x,
  weight,
  added,
  y,
  strides: attrs.strides,
  padding: attrs.padding,
  normalised: gain !== undefined,
  silu: attrs.silu,
  enlarged: attrs.factor > 1 ? { factor: attrs.factor, ...seen(x, attrs) } : undefined,
});

export const conv2dFusedKernel: Kernel<typeof conv2dFusedOp> = {
  op: conv2dFusedOp,
  name: 'nn.conv2d_fused tiled',
  fuses: fusions,
  scratch: (types, attrs) => ({
    ...(types.gain ? normScratch(types.x, attrs) : {}),
    ...convScratch(convolution(types, attrs)),
  }),
  passes: (types, attrs) => [
    ...(types.gain ? tablePasses(types.x, attrs, { weight: 'gain', bias: 'shift' }) : []),
    ...convPasses(convolution(types, attrs)),
  ],
};
