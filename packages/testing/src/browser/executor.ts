import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import {
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
import { type BrowserPage, openPage } from './chromium.js';
import type { Answer, Call, Errand, page, Sent } from './page.js';
import { Block, encodeGraph, fromBase64, fromBlock, toBase64 } from './wire.js';

type InPage = { readonly page: typeof page };

/** The WebGPU executor of a page in headless Chromium, used from Node: every test that takes an executor runs on it. */
export interface BrowserExecutor extends Executor {
  /** Browser, adapter and tiers. */
  readonly report: string;
}

/**
 * Starts a browser. Throws where there is none, or where it has no WebGPU adapter. Uploads and disposals travel with the
 * next call, and an upload that fails fails that call.
 */
export async function browserGpu(): Promise<BrowserExecutor> {
  const opened = await openPage(new URL('./page.ts', import.meta.url));
  try {
    const { report, ops } = await opened.page.evaluate(() => (globalThis as unknown as InPage).page.open());
    return new Remote(opened, `Chromium ${opened.version}, ${report}`, new Set(ops));
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** So many bytes of uploads wait for company. */
const enough = 16 * 2 ** 20;

class Remote implements BrowserExecutor {
  readonly name = 'webgpu';
  readonly report: string;
  readonly #opened: BrowserPage;
  readonly #ops: ReadonlySet<string>;
  #errands: Errand[] = [];
  #block = new Block();
  #next = 1;

  constructor(opened: BrowserPage, report: string, ops: ReadonlySet<string>) {
    this.#opened = opened;
    this.report = report;
    this.#ops = ops;
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
    await this.call((block) => ({
      compile: encodeGraph(known, block),
      as,
      weights: send(weights, block),
      donate,
    }));
    const open = Object.entries(graph.inputs).filter(([name]) => !weights[name]);
    return new RemoteProgram(this, as, Object.fromEntries(open), graph.outputs);
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
      ([e, c, bytes]) => (globalThis as unknown as InPage).page.call(e, c, bytes),
      [errands, call, toBase64(block.bytes())] as const,
    );
  }

  async dispose(): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
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
    const answer = (await this.#executor.call(() => ({ read: this.held }))) as Answer;
    return fromBlock(answer.tensor, fromBase64(answer.bytes));
  }

  dispose(): void {
    this.#executor.later({ dispose: this.held });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class RemoteProgram implements Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly #executor: Remote;
  readonly #number: number;

  constructor(executor: Remote, number: number, inputs: Program['inputs'], outputs: Program['outputs']) {
    this.#executor = executor;
    this.#number = number;
    this.inputs = inputs;
    this.outputs = outputs;
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
