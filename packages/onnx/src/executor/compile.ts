import { toBinary } from '@bufbuild/protobuf';
import { byteSize, sizeOf } from '@emu-ts/base';
import type { CompileOptions, Graph, TensorType } from '@emu-ts/graph';
import type { NativeLowering } from '../lower/context.js';
import { type Lowered, lower } from '../lower/lower.js';
import { formatPlan } from '../lower/plan.js';
import { prepare } from '../lower/prepare.js';
import { hostType } from '../model/dtype.js';
import { byteLength, type Initializer, type Placement } from '../model/protos.js';
import { ModelProtoSchema } from '../proto/onnx_pb.js';
import { untilAborted } from './abort.js';
import { planDonation } from './donation.js';
import type { Compiled } from './program.js';
import type { Handle, LoadRequest, Runtime } from './runtime.js';
import { Weights } from './weights.js';

export interface CompileSettings {
  readonly lowerings: readonly NativeLowering[];
  /** Bytes up to which a weight is copied into the model. */
  readonly embedUpTo: number;
}

/**
 * From a graph to a loaded session. Weights are inputs of the model, fed from one tensor whatever the number of
 * programs; only small ones, and those that an operator wants embedded, are copied into the model.
 */
export async function compile(
  graph: Graph,
  runtime: Runtime,
  { lowerings, embedUpTo }: CompileSettings,
  { weights: given = {}, donate = {}, signal, onProgress }: CompileOptions,
): Promise<Compiled> {
  signal?.throwIfAborted();
  const weights = new Weights(runtime, graph.inputs, given);
  const constants = new Set(Object.keys(graph.inputs).filter((name) => weights.has(name)));
  const small = (name: string) => bytesOf(graph.inputs[name]) <= embedUpTo;
  const { graph: prepared, natives, plan } = prepare(graph, { lowerings, constants, dynamic: false });
  const donation = planDonation(prepared, donate);
  const lowered = lower(donation.graph, { natives, embed: new Set([...constants].filter(small)) });
  onProgress?.({ phase: 'compile', loaded: 1, total: 2 });
  try {
    const planMemory = intermediates(donation.graph) < manyBytes;
    const loading = runtime.load({ ...(await requestFor(lowered, weights, { signal })), planMemory });
    const session = await untilAborted(loading, signal, (late) => runtime.release([late]));
    onProgress?.({ phase: 'compile', loaded: 2, total: 2 });
    return {
      session,
      inputs: without(graph.inputs, constants),
      outputs: graph.outputs,
      fed: lowered.inputs.filter((name) => !constants.has(name)),
      names: lowered.outputs,
      donation,
      weights,
      fixed: constants,
      plan: formatPlan(plan),
    };
  } catch (error) {
    weights[Symbol.dispose]();
    throw error;
  }
}

/**
 * Results of so many bytes per run are not laid out in advance. The block would stay beside what the first run, which finds
 * out the sizes, took tensor by tensor: twice the memory, in every program.
 */
const manyBytes = 64 * 2 ** 20;

const intermediates = ({ nodes }: Graph): number =>
  nodes.flatMap(({ outputs }) => Object.values(outputs)).reduce((sum, type) => sum + bytesOf(type), 0);

/** Tensors up to so many bytes stand in the model's message, larger ones beside it. */
const inlineLimit = 1024;

/** The model as bytes, and the tensors beside it. A message is limited to 2 GB; what stands beside it is not. */
async function requestFor(
  { model, inputs, embedded }: Lowered,
  weights: Weights,
  options: { readonly signal: AbortSignal | undefined },
): Promise<Omit<LoadRequest, 'planMemory'>> {
  const external: Record<string, Uint8Array | Handle> = {};
  for (const { initializer, weight, dtype } of embedded)
    external[initializer] = await weights.embed(weight, dtype, options);
  const place = (initializer: Initializer): Placement => {
    const { name, data } = initializer;
    if (data && data.length <= inlineLimit) return data;
    if (data) external[name] = data;
    return { file: name, offset: 0, length: byteLength(initializer) };
  };
  const fixed: Record<string, Handle> = {};
  for (const name of inputs) if (weights.has(name)) fixed[name] = await weights.place(name, options);
  return { model: toBinary(ModelProtoSchema, model.model(place)), external, fixed };
}

const bytesOf = ({ dtype, shape }: TensorType): number => sizeOf(shape) * byteSize(hostType(dtype));

const without = <T>(record: Readonly<Record<string, T>>, names: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.has(name)));
