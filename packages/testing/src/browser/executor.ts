import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import {
  type AnyOp,
  type AnyTensor,
  type CompileOptions,
  type DeviceTensor,
  type Executor,
  expand,
  type Graph,
  isDeviceTensor,
  type Program,
  simplify,
  type TensorType,
} from '@emu-ts/graph';
import type { AnyKernel, Capabilities } from '@emu-ts/webgpu';
import { cut } from '../../../webgpu/src/plan/cut.js';
import { formatPlan } from '../../../webgpu/src/plan/format.js';
import { select } from '../../../webgpu/src/plan/select.js';
import { primitiveKernels } from '../../../webgpu/src/primitives/index.js';
import { allKernels } from '../kernels.js';
import { type BrowserPage, openPage } from './chromium.js';
import type { Answer, Call, Errand, Opened, page, Sent } from './page.js';
import { Block, encodeGraph, fromBlock } from './wire.js';

type InPage = { readonly page: typeof page };

/** The WebGPU executor of a page in headless Chromium, used from Node: every test that takes an executor runs on it. */
export interface BrowserExecutor extends Executor {
  /** Browser, adapter and tiers. */
  readonly report: string;
  readonly capabilities: Capabilities;
  compile(graph: Graph, options?: CompileOptions): Promise<BrowserProgram>;
  /** As that of the executor on this device. */
  plan(graph: Graph): string;
}

export interface BrowserProgram extends Program {
  readonly dispatches: number;
  plan(): string;
}

/** A page in which executors can be opened. */
export const openGpuPage = (): Promise<BrowserPage> => openPage(new URL('./page.ts', import.meta.url));

/**
 * Starts a browser. Throws where there is none, or where it has no WebGPU adapter. Uploads and disposals travel with the
 * next call, and an upload that fails fails that call.
 */
export async function browserGpu(): Promise<BrowserExecutor> {
  const opened = await openGpuPage();
  const close = () => opened[Symbol.asyncDispose]();
  try {
    return await gpuOnPage(opened, undefined, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** An executor of a page, with all kernels or with some; `closed` is called when it is disposed. */
export async function gpuOnPage(
  opened: BrowserPage,
  kernels: readonly AnyKernel[] | undefined,
  closed: () => PromiseLike<void> = async () => {},
): Promise<BrowserExecutor> {
  const names = kernels?.map(({ name }) => name) ?? null;
  const found = await opened.page.evaluate(
    (chosen) => (globalThis as unknown as InPage).page.open(chosen),
    names,
  );
  return new Remote(opened, found, kernels ?? allKernels, closed);
}

/** So many bytes of uploads wait for company. */
const enough = 16 * 2 ** 20;

class Remote implements BrowserExecutor {
  readonly name = 'webgpu';
  readonly report: string;
  readonly capabilities: Capabilities;
  readonly #opened: BrowserPage;
  readonly #id: number;
  readonly #ops: ReadonlySet<string>;
  readonly #kernels: readonly AnyKernel[];
  readonly #closed: () => PromiseLike<void>;
  #errands: Errand[] = [];
  #block = new Block();
  #next = 1;

  constructor(
    opened: BrowserPage,
    { id, report, ops, capabilities }: Opened,
    kernels: readonly AnyKernel[],
    closed: () => PromiseLike<void>,
  ) {
    this.#opened = opened;
    this.#id = id;
    this.#closed = closed;
    this.#kernels = [...kernels, ...Object.values(primitiveKernels as Record<string, AnyKernel[]>).flat()];
    this.report = `Chromium ${opened.version}, ${report}`;
    this.capabilities = {
      ...capabilities,
      features: new Set(capabilities.features),
      languageFeatures: new Set(capabilities.languageFeatures),
    };
    this.#ops = new Set(ops);
  }

  number(): number {
    return this.#next++;
  }

  later(errand: Errand): void {
    this.#errands.push(errand);
  }

  async upload(tensor: HostTensor, { signal }: CallOptions = {}): Promise<RemoteTensor> {
    signal?.throwIfAborted();
    const as = this.number();
    this.later({ upload: this.#block.add(tensor), as });
    if (this.#block.size >= enough) await this.call(() => null);
    return new RemoteTensor(this, as, tensor);
  }

  async compile(
    graph: Graph,
    { weights = {}, donate = {}, signal }: CompileOptions = {},
  ): Promise<RemoteProgram> {
    signal?.throwIfAborted();
    const as = this.number();
    const known = simplify(expand(graph, ({ op }) => this.#ops.has(op.name)));
    const compiled = await this.call((block) => ({
      compile: encodeGraph(known, block),
      as,
      weights: send(weights, block),
      donate,
    }));
    if (!compiled || !('plan' in compiled)) throw new Error('The page does not say how a graph runs.');
    const open = Object.entries(graph.inputs).filter(([name]) => !weights[name]);
    return new RemoteProgram(this, as, {
      inputs: Object.fromEntries(open),
      outputs: graph.outputs,
      ...compiled,
    });
  }

  hasKernel(op: AnyOp): boolean {
    return this.#kernels.some((kernel) => kernel.op === op);
  }

  holds(tensor: DeviceTensor): boolean {
    return tensor instanceof RemoteTensor && tensor.isOn(this);
  }

  /** Sends what waits, and a call after it. */
  async call(make: (block: Block) => Call | null): Promise<Answer | undefined> {
    const block = this.#block;
    const call = make(block);
    const errands = this.#errands;
    this.#errands = [];
    this.#block = new Block();
    return this.#opened.page.evaluate(
      ([id, e, c, bytes]) => (globalThis as unknown as InPage).page.call(id, e, c, bytes),
      [this.#id, errands, call, Buffer.from(block.bytes()).toString('base64')] as const,
    );
  }

  plan(graph: Graph): string {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.capabilities.limits;
    const largest = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    const { graph: planned } = cut(graph, largest, new Set());
    return formatPlan(select(planned, this.#kernels, this.capabilities).entries);
  }

  async dispose(): Promise<void> {
    await this.#opened.page.evaluate((id) => (globalThis as unknown as InPage).page.close(id), this.#id);
    await this.#closed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

class RemoteTensor implements DeviceTensor {
  readonly dtype: HostTensor['dtype'];
  readonly shape: readonly number[];
  readonly held: number;
  readonly #executor: Remote;

  constructor(executor: Remote, held: number, { dtype, shape }: TensorType) {
    this.#executor = executor;
    this.held = held;
    this.dtype = dtype;
    this.shape = shape;
  }

  isOn(executor: Remote): boolean {
    return executor === this.#executor;
  }

  async read({ signal }: CallOptions = {}): Promise<HostTensor> {
    signal?.throwIfAborted();
    const answer = await this.#executor.call(() => ({ read: this.held }));
    if (!answer || !('tensor' in answer)) throw new Error('The page gives no tensor back.');
    return fromBlock(answer.tensor, new Uint8Array(Buffer.from(answer.bytes, 'base64')));
  }

  dispose(): void {
    this.#executor.later({ dispose: this.held });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class RemoteProgram implements BrowserProgram {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly dispatches: number;
  readonly #executor: Remote;
  readonly #number: number;
  readonly #plan: string;

  constructor(
    executor: Remote,
    number: number,
    given: Pick<Program, 'inputs' | 'outputs'> & { readonly plan: string; readonly dispatches: number },
  ) {
    this.#executor = executor;
    this.#number = number;
    this.#plan = given.plan;
    this.inputs = given.inputs;
    this.outputs = given.outputs;
    this.dispatches = given.dispatches;
  }

  plan(): string {
    return this.#plan;
  }

  async run(
    inputs: Readonly<Record<string, AnyTensor>>,
    { signal }: CallOptions = {},
  ): Promise<Record<string, RemoteTensor>> {
    signal?.throwIfAborted();
    const executor = this.#executor;
    const results = Object.entries(this.outputs).map(
      ([name, type]) => [name, new RemoteTensor(executor, executor.number(), type)] as const,
    );
    const as = Object.fromEntries(results.map(([name, { held }]) => [name, held]));
    await executor.call((block) => ({ run: this.#number, inputs: send(inputs, block), as }));
    return Object.fromEntries(results);
  }

  async dispose(): Promise<void> {
    this.#executor.later({ disposeProgram: this.#number });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function send(tensors: Readonly<Record<string, AnyTensor>>, block: Block): Record<string, Sent> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]): [string, Sent] => {
      if (!isDeviceTensor(tensor)) return [name, { host: block.add(tensor) }];
      if (tensor instanceof RemoteTensor) return [name, { held: tensor.held }];
      throw new EmuError('FOREIGN_TENSOR', `'${name}' lives on another executor.`);
    }),
  );
}
