import type { HostTensor } from '@emu-ts/base';
import { type AnyOp, primitives } from '@emu-ts/graph';
import {
  type AnyKernel,
  type Capabilities,
  type GpuProgram,
  type GpuTensor,
  type Pattern,
  type WebGpuExecutor,
  webgpu,
} from '@emu-ts/webgpu';
import { primitiveKernels } from '../../../webgpu/src/primitives/index.js';
import { allKernels } from '../kernels.js';
import { Block, decodeGraph, fromBlock, type WireGraph, type WireTensor } from './wire.js';

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

/** A tensor that was read, or how a graph runs. */
export type Answer =
  | { readonly tensor: WireTensor; readonly bytes: string }
  | { readonly plan: string; readonly dispatches: number };

/** An executor that the page has opened. */
export interface Opened {
  readonly id: number;
  readonly report: string;
  /** What travels whole. */
  readonly ops: readonly string[];
  readonly capabilities: Omit<Capabilities, 'features' | 'languageFeatures'> & {
    readonly features: readonly string[];
    readonly languageFeatures: readonly string[];
  };
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

/** Every kernel there is, by name. */
const kernels: ReadonlyMap<string, AnyKernel> = new Map(
  [...allKernels, ...Object.values(primitiveKernels as Record<string, readonly AnyKernel[]>).flat()].map(
    (kernel) => [kernel.name, kernel],
  ),
);

function find<T>(held: ReadonlyMap<unknown, T>, key: unknown): T {
  const found = held.get(key);
  if (!found) throw new Error(`The page holds nothing under ${key}: it was disposed, or never was.`);
  return found;
}

/** Bytes as text, since calls into a page carry JSON. */
function toBase64(bytes: Uint8Array): string {
  const step = 0x8000;
  let text = '';
  for (let at = 0; at < bytes.length; at += step)
    text += String.fromCharCode(...bytes.subarray(at, at + step));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** One executor and what it was given. */
class Held {
  readonly #tensors = new Map<number, GpuTensor>();
  readonly #programs = new Map<number, GpuProgram>();
  readonly #executor: WebGpuExecutor;

  constructor(executor: WebGpuExecutor) {
    this.#executor = executor;
  }

  async run(errand: Errand, block: Uint8Array): Promise<void> {
    if ('upload' in errand) {
      this.#tensors.set(errand.as, await this.#executor.upload(fromBlock(errand.upload, block)));
    } else if ('dispose' in errand) {
      this.#tensors.get(errand.dispose)?.dispose();
      this.#tensors.delete(errand.dispose);
    } else {
      await this.#programs.get(errand.disposeProgram)?.dispose();
      this.#programs.delete(errand.disposeProgram);
    }
  }

  async answer(call: Call, block: Uint8Array): Promise<Answer | undefined> {
    if ('compile' in call) {
      const graph = decodeGraph(call.compile, block, ops);
      const weights = this.#given(call.weights, block);
      const program = await this.#executor.compile(graph, { weights, donate: call.donate });
      this.#programs.set(call.as, program);
      return { plan: program.plan(), dispatches: program.dispatches };
    }
    if ('run' in call) {
      const results = await find(this.#programs, call.run).run(this.#given(call.inputs, block));
      for (const [name, number] of Object.entries(call.as)) this.#tensors.set(number, results[name]);
      return undefined;
    }
    const read = new Block();
    const tensor = read.add(await find(this.#tensors, call.read).read());
    return { tensor, bytes: toBase64(read.bytes()) };
  }

  dispose(): Promise<void> {
    return this.#executor.dispose();
  }

  #given(sent: Readonly<Record<string, Sent>>, block: Uint8Array) {
    return Object.fromEntries(
      Object.entries(sent).map(([name, value]): [string, GpuTensor | HostTensor] => [
        name,
        'held' in value ? find(this.#tensors, value.held) : fromBlock(value.host, block),
      ]),
    );
  }
}

const executors = new Map<number, Held>();
let last: Promise<unknown> = Promise.resolve();

export const page = {
  /** An executor with all kernels, or those named. Fails where the browser has no adapter. */
  async open(names: readonly string[] | null): Promise<Opened> {
    const chosen = names ? names.map((name) => find(kernels, name)) : allKernels;
    const executor = await webgpu({ kernels: chosen });
    const id = executors.size;
    executors.set(id, new Held(executor));
    const { features, languageFeatures, ...rest } = executor.capabilities;
    const capabilities = { ...rest, features: [...features], languageFeatures: [...languageFeatures] };
    return { id, report: executor.report(), ops: [...ops.keys()], capabilities };
  },

  /** One after the other: a call may need what an earlier one brought. */
  call(
    id: number,
    errands: readonly Errand[],
    call: Call | null,
    bytes: string,
  ): Promise<Answer | undefined> {
    const result = last.then(async () => {
      const [held, block] = [find(executors, id), fromBase64(bytes)];
      for (const errand of errands) await held.run(errand, block);
      return call ? held.answer(call, block) : undefined;
    });
    last = result.catch(() => {});
    return result;
  },

  async close(id: number): Promise<void> {
    await last;
    await find(executors, id).dispose();
  },
};

Object.assign(globalThis, { page });
