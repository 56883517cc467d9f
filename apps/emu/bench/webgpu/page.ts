import type { HostTensor } from '@emu-ts/base';
import { type Graph, interpret } from '@emu-ts/graph';
import { nativeLowerings, onnxModel } from '@emu-ts/onnx';
import { allKernels, alternate, type Difference, difference, type Expectation } from '@emu-ts/testing/page';
import { webgpu } from '@emu-ts/webgpu';
import type * as OrtWeb from 'onnxruntime-web/webgpu';
import { componentCases } from './components.js';
import { drawInputs, productsOf } from './graphs.js';
import { kernelCases } from './kernels.js';

/**
 * What runs inside a page: a case on our executor and on onnxruntime-web's WebGPU provider, in turns, from numbers in host
 * memory to numbers in host memory. First both compute it once, and small cases are held against the f64 interpreter: ours
 * must be right, and how far the peer is off is told (in the UNet it is: it compiles its InstanceNormalization with the first
 * epsilon it meets, 1e-5, and takes that shader for all others).
 */
export interface Beside {
  readonly adapter: string;
  /** Milliseconds, medians. */
  readonly own: number;
  readonly peer: number;
  readonly dispatches: number;
  readonly peerDispatches: number;
  /** How far both sides are apart at most, relative to the largest element of an output, and as a multiple of what is allowed. */
  readonly apart: number;
  readonly apartOfAllowed: number;
  /** How far each side is from the f64 interpreter, relative as well; nobody knows of a large case. */
  readonly error?: number;
  readonly peerError?: number;
}

type Outputs = Readonly<Record<string, HostTensor>>;

const rounds = 5;

async function ortSession(graph: Graph, weights: Outputs, folder: string) {
  const ort = (await import(`${folder}ort.webgpu.min.mjs`)) as typeof OrtWeb;
  ort.env.wasm.wasmPaths = folder;
  const model = await onnxModel({ graph }, { weights, lowerings: nativeLowerings });
  const session = await ort.InferenceSession.create(model, { executionProviders: ['webgpu'] });
  return {
    async run(given: Outputs): Promise<Outputs> {
      const feeds = Object.entries(given).map(([name, { data, shape }]) => {
        if (!(data instanceof Float32Array)) throw new Error(`'${name}' is not f32.`);
        return [name, new ort.Tensor('float32', data, shape)] as const;
      });
      const results = Object.entries(await session.run(Object.fromEntries(feeds)));
      return Object.fromEntries(
        results.map(([name, { data, dims }]): [string, HostTensor] => [
          name,
          { dtype: 'f32', shape: dims, data: data as Float32Array },
        ]),
      );
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

/** How many dispatches any device of this page is given meanwhile. */
async function dispatchesOf(action: () => Promise<unknown>): Promise<number> {
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups } = pass;
  let count = 0;
  pass.dispatchWorkgroups = function (...sizes) {
    count++;
    return dispatchWorkgroups.apply(this, sizes);
  };
  try {
    await action();
  } finally {
    pass.dispatchWorkgroups = dispatchWorkgroups;
  }
  return count;
}

function expected(graph: Graph): Expectation {
  const products = productsOf(graph);
  if (!products.length)
    // a norm: it sums over what it reads
    return { depth: 4, terms: Math.max(...Object.values(graph.inputs).flatMap(({ shape }) => shape)) };
  return { depth: products.length, terms: Math.max(...products.map(({ terms }) => terms)) };
}

/** Where weights are quantised the runtime may round activations to 8 bits: as much as bf16 does, once a product. */
function expectedOfPeer(graph: Graph): Expectation {
  const quantised = Object.values(graph.inputs).some(({ dtype }) => dtype === 'u8');
  return quantised ? { depth: productsOf(graph).length, dtype: 'bf16' } : expected(graph);
}

const ofAllowed = ({ absolute, tolerance }: Difference): number => (absolute ? absolute / tolerance : 0);

/** The output that is farthest off, by what is allowed. */
const farthest = (actual: Outputs, wanted: Outputs, allowed: Expectation): Difference =>
  Object.entries(wanted)
    .map(([output, tensor]) => difference(output, actual[output], tensor, allowed))
    .reduce((worst, one) => (ofAllowed(one) > ofAllowed(worst) ? one : worst));

/** Throws where ours is not what the graph means. */
function errors(graph: Graph, inputs: Outputs, ours: Outputs, theirs: Outputs) {
  const truth = interpret(graph, inputs);
  const own = farthest(ours, truth, expected(graph));
  const peer = farthest(theirs, truth, expectedOfPeer(graph));
  if (own.absolute > own.tolerance)
    throw new Error(
      `'${own.label}' is off by ${own.absolute}, allowed ${own.tolerance}; onnxruntime-web's by ${peer.absolute}.`,
    );
  return { error: own.relative, peerError: peer.relative };
}

/** `ort` is the address of the folder that holds the runtime's files. */
async function beside(name: string, full: boolean, ort: string): Promise<Beside> {
  const asked = [...kernelCases(full), ...componentCases(full)].find((one) => one.name === name);
  if (!asked) throw new Error(`There is no case '${name}'.`);
  const graph = asked.graph();
  const { given, weights } = drawInputs(graph);
  await using executor = await webgpu({ kernels: allKernels });
  await using program = await executor.compile(graph, { weights });
  await using session = await ortSession(graph, weights, ort);
  const own = async (): Promise<Outputs> => {
    const read = Object.entries(await program.run(given)).map(async ([output, result]) => {
      using held = result;
      return [output, await held.read()] as const;
    });
    return Object.fromEntries(await Promise.all(read));
  };
  const peer = () => session.run(given);
  const [ours, theirs] = [await own(), await peer()];
  const found = farthest(ours, theirs, expectedOfPeer(graph));
  const checked = full ? {} : errors(graph, { ...given, ...weights }, ours, theirs);
  const [ownTime, peerTime] = await alternate(rounds, own, peer);
  return {
    adapter: executor.capabilities.adapter,
    own: ownTime,
    peer: peerTime,
    dispatches: await dispatchesOf(own),
    peerDispatches: await dispatchesOf(peer),
    apart: found.relative,
    apartOfAllowed: ofAllowed(found),
    ...checked,
  };
}

export const page = { beside };

Object.assign(globalThis, { page });
