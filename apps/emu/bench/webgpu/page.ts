import type { HostTensor } from '@emu-ts/base';
import type { Graph } from '@emu-ts/graph';
import { nativeLowerings, onnxModel } from '@emu-ts/onnx';
import { allKernels, alternate, difference, type Expectation } from '@emu-ts/testing/page';
import { webgpu } from '@emu-ts/webgpu';
import type * as OrtWeb from 'onnxruntime-web/webgpu';
import { componentCases } from './components.js';
import { drawInputs, productsOf } from './graphs.js';
import { kernelCases } from './kernels.js';

/**
 * What runs inside a page: a case on our executor and on onnxruntime-web's WebGPU provider, in turns, from numbers in host
 * memory to numbers in host memory. First both compute it once, and must agree.
 */
export interface Beside {
  readonly adapter: string;
  /** Milliseconds, medians. */
  readonly own: number;
  readonly peer: number;
  readonly dispatches: number;
  readonly peerDispatches: number;
  /** The largest, relative to the largest element of its output. */
  readonly difference: number;
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

/** Where weights are quantised the runtime may round activations to 8 bits: as much as bf16 does, once a product. */
function allowed(graph: Graph): Expectation {
  const products = productsOf(graph);
  if (!products.length)
    // a norm: it sums over what it reads
    return { depth: 4, terms: Math.max(...Object.values(graph.inputs).flatMap(({ shape }) => shape)) };
  const depth = products.length;
  if (Object.values(graph.inputs).some(({ dtype }) => dtype === 'u8')) return { depth, dtype: 'bf16' };
  return { depth, terms: Math.max(...products.map(({ terms }) => terms)) };
}

/** `ort` is the address of the folder that holds the runtime's files. */
async function beside(name: string, full: boolean, ort: string): Promise<Beside> {
  const found = [...kernelCases(full), ...componentCases(full)].find((one) => one.name === name);
  if (!found) throw new Error(`There is no case '${name}'.`);
  const graph = found.graph();
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
  const differences = Object.entries(ours).map(([output, tensor]) =>
    difference(output, tensor, theirs[output], allowed(graph)),
  );
  const wrong = differences.find(({ absolute, tolerance }) => !(absolute <= tolerance));
  if (wrong)
    throw new Error(
      `'${wrong.label}' differs from onnxruntime-web's by ${wrong.absolute}, allowed ${wrong.tolerance}.`,
    );
  const [ownTime, peerTime] = await alternate(rounds, own, peer);
  return {
    adapter: executor.capabilities.adapter,
    own: ownTime,
    peer: peerTime,
    dispatches: await dispatchesOf(own),
    peerDispatches: await dispatchesOf(peer),
    difference: Math.max(...differences.map(({ relative }) => relative)),
  };
}

export const page = { beside };

Object.assign(globalThis, { page });
