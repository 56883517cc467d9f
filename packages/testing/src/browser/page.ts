import type { HostTensor } from '@emu-ts/base';
import { type AnyOp, primitives } from '@emu-ts/graph';
import { type GpuProgram, type GpuTensor, type Pattern, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { allKernels } from '../kernels.js';
import {
  Block,
  decodeGraph,
  fromBase64,
  fromBlock,
  toBase64,
  type WireGraph,
  type WireTensor,
} from './wire.js';

/**
 * What runs inside the page: the WebGPU executor on the browser's own device, worked from outside. Tensors and programs
 * stay here under the numbers that the other side gave them.
 */
export type Sent = { readonly host: WireTensor } | { readonly held: number };

/** What the other side did not wait for; it happens before the call that brings it. */
export type Errand =
  | { readonly upload: WireTensor; readonly as: number }
  | { readonly dispose: number }
  | { readonly disposeProgram: number };

export type Call =
  | {
      readonly compile: WireGraph;
      readonly as: number;
      readonly weights: Readonly<Record<string, Sent>>;
      readonly donate: Readonly<Record<string, string>>;
    }
  | {
      readonly run: number;
      readonly inputs: Readonly<Record<string, Sent>>;
      /** Numbers for the outputs. */
      readonly as: Readonly<Record<string, number>>;
    }
  | { readonly read: number };

/** A tensor that was read. */
export interface Answer {
  readonly tensor: WireTensor;
  readonly bytes: string;
}

const opsOf = ({ op, inputs }: Pattern): AnyOp[] => [
  op,
  ...Object.values(inputs).flatMap((operand) => (typeof operand === 'string' ? [] : opsOf(operand))),
];

/** What travels whole: the primitives, and all that kernels compute or look for. */
const ops: ReadonlyMap<string, AnyOp> = new Map(
  [
    ...Object.values(primitives as Record<string, AnyOp>),
    ...allKernels.flatMap(({ op, fuses = [] }) => [op, ...fuses.flatMap(({ root }) => opsOf(root))]),
  ].map((op) => [op.name, op]),
);
const tensors = new Map<number, GpuTensor>();
const programs = new Map<number, GpuProgram>();
let executor: WebGpuExecutor;

function find<T>(held: ReadonlyMap<number, T>, number: number): T {
  const found = held.get(number);
  if (!found) throw new Error(`The page holds nothing under ${number}: it was disposed.`);
  return found;
}

const given = (sent: Readonly<Record<string, Sent>>, block: Uint8Array) =>
  Object.fromEntries(
    Object.entries(sent).map(([name, value]): [string, GpuTensor | HostTensor] => [
      name,
      'held' in value ? find(tensors, value.held) : fromBlock(value.host, block),
    ]),
  );

async function run(errand: Errand, block: Uint8Array): Promise<void> {
  if ('upload' in errand) tensors.set(errand.as, await executor.upload(fromBlock(errand.upload, block)));
  else if ('dispose' in errand) {
    tensors.get(errand.dispose)?.dispose();
    tensors.delete(errand.dispose);
  } else {
    await programs.get(errand.disposeProgram)?.dispose();
    programs.delete(errand.disposeProgram);
  }
}

export const page = {
  /** Fails where the browser has no adapter. */
  async open(): Promise<{ report: string; ops: readonly string[] }> {
    executor = await webgpu({ kernels: allKernels });
    return { report: executor.report(), ops: [...ops.keys()] };
  },

  /** One after the other: a call may need what an earlier one brought. */
  call(errands: readonly Errand[], call: Call | null, bytes: string): Promise<Answer | undefined> {
    const result = last.then(() => answer(errands, call, fromBase64(bytes)));
    last = result.catch(() => {});
    return result;
  },
};

let last: Promise<unknown> = Promise.resolve();

async function answer(
  errands: readonly Errand[],
  call: Call | null,
  block: Uint8Array,
): Promise<Answer | undefined> {
  for (const errand of errands) await run(errand, block);
  if (!call) return undefined;
  if ('compile' in call) {
    const graph = decodeGraph(call.compile, block, ops);
    const weights = given(call.weights, block);
    programs.set(call.as, await executor.compile(graph, { weights, donate: call.donate }));
    return undefined;
  }
  if ('run' in call) {
    const results = await find(programs, call.run).run(given(call.inputs, block));
    for (const [name, number] of Object.entries(call.as)) tensors.set(number, results[name]);
    return undefined;
  }
  const read = new Block();
  const tensor = read.add(await find(tensors, call.read).read());
  return { tensor, bytes: toBase64(read.bytes()) };
}

Object.assign(globalThis, { page });
