import { primitives, type TensorType } from '@emu-ts/graph';
import type { Fusion, Kernel, Pattern } from '@emu-ts/webgpu/kernel';
import { conv2dOp } from '../conv2d/op.js';
import { type Convolution, convFits, convPasses, convScratch } from '../conv2d/passes.js';
import { groupNormOp } from '../group-norm/op.js';
import { normScratch, tablePasses } from '../group-norm/passes.js';
import { siluOp } from '../silu/op.js';
import { upsampleNearestOp } from '../upsample-nearest/op.js';
import { inRegisters, onMatrixUnits, type Way } from '../ways.js';
import { conv2dFusedOp, type FusedConvolution, joined, mapOf, seen, turns } from './op.js';

type Attrs = Readonly<Record<string, unknown>>;

/** Maps side by side, as a UNet's way up has them: read twice, and written by nobody who does. */
const beside: Pattern = {
  op: primitives.concat,
  inputs: { x0: 'x', x1: 'more' },
  shared: true,
  when: ({ axis }) => axis === 1,
};
const normal = (x: Pattern | string): Pattern => ({
  op: groupNormOp,
  inputs: { x, weight: 'gain', bias: 'shift' },
  name: 'norm',
});
const active = (x: Pattern): Pattern => ({ op: siluOp, inputs: { x } });
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

/** Pixels become tokens, or tokens pixels. */
const turned = (x: Pattern | string): Pattern => ({
  op: primitives.transpose,
  inputs: { x },
  when: ({ permutation }) => turns(permutation as readonly number[]),
});

interface Source {
  readonly source: Pattern | 'x';
  readonly silu?: boolean;
  readonly tokensIn?: boolean;
}

/** What a convolution may read, the largest first. */
const sources: readonly Source[] = [
  { source: active(normal(beside)), silu: true },
  { source: active(normal('x')), silu: true },
  { source: normal(beside) },
  { source: normal('x') },
  { source: cut(cut(enlarged), 'cut') },
  { source: cut(enlarged, 'cut') },
  { source: enlarged },
  { source: turned('x'), tokensIn: true },
  { source: beside },
  { source: 'x' },
];

function attrsFrom(
  of: Readonly<Record<string, Attrs>>,
  { silu = false, tokensIn = false }: Source,
  tokensOut = false,
): FusedConvolution {
  const { strides, padding } = of.conv as Pick<FusedConvolution, 'strides' | 'padding'>;
  const { groups, eps } = (of.norm ?? { groups: 1, eps: 0 }) as Pick<FusedConvolution, 'groups' | 'eps'>;
  const { factor } = (of.enlarged ?? { factor: 1 }) as Pick<FusedConvolution, 'factor'>;
  const [, , height, width] = (of.cut?.ends ?? [0, 0, 0, 0]) as readonly number[];
  return { strides, padding, groups, eps, silu, factor, height, width, tokensIn, tokensOut };
}

const fusions: readonly Fusion<FusedConvolution>[] = sources.flatMap((read) => {
  const conv: Pattern = {
    op: conv2dOp,
    inputs: { x: read.source, weight: 'weight', bias: 'bias?' },
    name: 'conv',
  };
  const attrs = (of: Readonly<Record<string, Attrs>>) => attrsFrom(of, read);
  const sum = { root: { op: primitives.add, inputs: { a: conv, b: 'added' } }, attrs };
  const tokens = {
    root: turned(conv),
    attrs: (of: Readonly<Record<string, Attrs>>) => attrsFrom(of, read, true),
  };
  return read.source === 'x' ? [sum, tokens] : [sum, tokens, { root: conv, attrs }];
});

type Types = {
  readonly x: TensorType;
  readonly more?: TensorType | undefined;
  readonly gain?: TensorType | undefined;
  readonly weight: TensorType;
  readonly added?: TensorType | undefined;
  readonly y: TensorType;
};

function convolution(
  { x: given, more, gain, weight, added, y }: Types,
  { factor, silu, strides, padding, tokensIn, tokensOut, ...cut }: FusedConvolution,
): Convolution {
  const x = joined(tokensIn ? mapOf(given) : given, more);
  const [, left, , right] = padding;
  const { height, width } = seen(x, { factor, ...cut });
  const columns = Math.floor((width + left + right - weight.shape[3]) / strides[1]) + 1;
  return {
    x,
    own: more && given.shape[1],
    weight,
    added,
    y: tokensOut ? mapOf(y, columns) : y,
    strides,
    padding,
    normalised: gain !== undefined,
    silu,
    tokensIn,
    tokensOut,
    enlarged: factor > 1 ? { factor, height, width } : undefined,
  };
}

const tables = ({ x, more }: Types, attrs: FusedConvolution) =>
  tablePasses(joined(x, more), attrs, { weight: 'gain', bias: 'shift' }, x.shape[1]);

const rung = (way: Way): Kernel<typeof conv2dFusedOp> => ({
  op: conv2dFusedOp,
  name: `nn.conv2d_fused ${way.name}`,
  fuses: fusions,
  supports: (types, attrs, gpu) => {
    if (attrs.tokensIn && (types.gain || types.more || attrs.silu))
      return 'tokens are neither normalised, activated nor joined on their way in';
    return convFits(convolution(types, attrs), way, gpu);
  },
  scratch: (types, attrs) => ({
    ...(types.gain ? normScratch(joined(types.x, types.more), attrs) : {}),
    ...convScratch(convolution(types, attrs), way),
  }),
  passes: (types, attrs) => [
    ...(types.gain ? tables(types, attrs) : []),
    ...convPasses(convolution(types, attrs), way),
  ],
});

export const conv2dFusedKernel = rung(inRegisters);
export const conv2dFusedRoundedKernel = rung(onMatrixUnits);
