import { type CallOptions, convert, EmuError, type HostTensor } from '@emu-ts/base';
import { type AnyTensor, checkWeights, type Graph, isDeviceTensor } from '@emu-ts/graph';
import type { NativeLowering } from '../lower/context.js';
import { type Lowered, lower, type Sizes } from '../lower/lower.js';
import { prepare } from '../lower/prepare.js';
import { hostType } from '../model/dtype.js';
import { standardLowerings } from '../native/index.js';
import { checkAxes, type Trace } from './compare.js';
import { type Axes, grid } from './fit.js';
import { inferSizes } from './sizes.js';

/** What to export: a graph as it is, or a function that traces it at the sizes of named axes. */
export type ExportSource =
  | { readonly graph: Graph }
  | {
      /** Traces the model at given sizes of the axes. */
      readonly trace: (sizes: Readonly<Record<string, number>>) => Graph;
      /**
       * At least two sample sizes of each axis, none of them 1. The graph is traced at every combination, and once
       * more at sizes beyond, from which every size in it is inferred as a polynomial of the axes.
       */
      readonly axes: Axes;
    };

export interface BuildOptions {
  /** The elements of inputs that become initializers, by name. */
  readonly weights?: Readonly<Record<string, AnyTensor>> | undefined;
  /** Default `standardLowerings`: operators of the ONNX standard alone. */
  readonly lowerings?: readonly NativeLowering[] | undefined;
}

/** A lowered graph and how to come by the bytes of its initializers. */
export interface Built {
  readonly lowered: Lowered;
  /** Bytes of an initializer that stands for a weight. */
  read(initializer: string, options: CallOptions): Promise<Uint8Array>;
}

export function build(
  source: ExportSource,
  { weights = {}, lowerings = standardLowerings }: BuildOptions,
): Built {
  const constants = new Set(Object.keys(weights));
  const dynamic = 'trace' in source;
  const prepared = (graph: Graph) => {
    checkWeights(graph.inputs, weights);
    return prepare(graph, { lowerings, constants, dynamic });
  };
  const first = prepared(dynamic ? source.trace(firstSizes(source.axes)) : source.graph);
  const sizes = dynamic
    ? sizesOf(source.axes, first.graph, (at) => prepared(source.trace(at)).graph)
    : undefined;
  const lowered = lower(first.graph, { natives: first.natives, embed: constants, sizes });
  return {
    lowered,
    async read(initializer, options) {
      const known = lowered.embedded.find((e) => e.initializer === initializer);
      if (!known) throw new EmuError('NOT_LOWERED', `No weight stands for initializer '${initializer}'.`);
      const host = await onHost(weights[known.weight], options);
      const { data } = convert(convert(host, hostType(host.dtype)), known.dtype);
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  };
}

const onHost = async (tensor: AnyTensor, options: CallOptions): Promise<HostTensor> =>
  isDeviceTensor(tensor) ? tensor.read(options) : tensor;

const firstSizes = (axes: Axes): Record<string, number> => {
  checkAxes(axes);
  return grid(axes)[0];
};

function sizesOf(axes: Axes, first: Graph, trace: (sizes: Readonly<Record<string, number>>) => Graph): Sizes {
  const [base, ...others] = grid(axes);
  const traces: Trace[] = [{ sizes: base, graph: first }];
  for (const sizes of others) traces.push({ sizes, graph: trace(sizes) });
  // One more step of the same width: sizes that had to be multiples of something still are.
  const beyond = Object.fromEntries(
    Object.entries(axes).map(([axis, samples]) => {
      const [last, before] = [...samples].sort((a, b) => b - a);
      return [axis, 2 * last - before];
    }),
  );
  return inferSizes({ axes, traces, unseen: { sizes: beyond, graph: trace(beyond) } });
}
