import { type CallOptions, EmuError, type HostTensor, isNode } from '@emu-ts/base';
import type { CompileOptions, DeviceTensor, Executor, Graph } from '@emu-ts/graph';
import type { NativeLowering } from '../lower/context.js';
import { formatPlan } from '../lower/plan.js';
import { prepare } from '../lower/prepare.js';
import { nativeLowerings } from '../native/index.js';
import { nodeWorker } from '../worker/node.js';
import { RemoteRuntime, type WorkerPort } from '../worker/remote.js';
import { type WorkerLike, webWorker } from '../worker/web.js';
import { untilAborted } from './abort.js';
import { compile } from './compile.js';
import { LocalRuntime } from './local.js';
import { importOrt, type Ort, type SessionOptions, unwrap } from './ort.js';
import { OnnxProgram } from './program.js';
import type { Holdings, Runtime } from './runtime.js';
import { copied, OnnxTensor } from './tensor.js';

export interface OnnxOptions {
  /**
   * The runtime: a module that meets onnxruntime-common, or the name of one to import. Default `onnxruntime-node`.
   * With `worker: true` a name, since a module cannot be handed to another thread.
   */
  readonly ort?: Ort | string | undefined;
  /** Composite ops that become ONNX operators; the first that supports a node wins. Default `nativeLowerings`. */
  readonly lowerings?: readonly NativeLowering[] | undefined;
  /**
   * Passed on to every session: threads, execution providers, logging. In Node, threads do not spin while they wait, unless
   * `extra: { session: { intra_op: { allow_spinning: '1' } } }` says so.
   */
  readonly sessionOptions?: SessionOptions | undefined;
  /**
   * Runs sessions in a worker, so that the caller's event loop stays free: `true` starts one in Node; in a browser,
   * give a Worker whose script calls `serveOnnx` of `@emu-ts/onnx/worker`. Tensors live in the worker.
   */
  readonly worker?: boolean | WorkerLike | undefined;
  /**
   * Weights of up to so many bytes become part of every program instead of being fed from one shared copy: feeding
   * one costs a microsecond per run. Default 65536, which takes in biases and norms. With `Infinity`, WebAssembly need
   * not copy the weights into its heap at every run, for the price of one copy of them per program.
   */
  readonly embedUpTo?: number | undefined;
}

/** The executor on ONNX Runtime. */
export class OnnxExecutor implements Executor {
  readonly name = 'onnx';
  readonly #runtime: Runtime;
  readonly #lowerings: readonly NativeLowering[];
  readonly #embedUpTo: number;
  readonly #programs = new Set<OnnxProgram>();
  #disposed = false;

  constructor(runtime: Runtime, { lowerings = nativeLowerings, embedUpTo = 2 ** 16 }: OnnxOptions) {
    this.#runtime = runtime;
    this.#lowerings = lowerings;
    this.#embedUpTo = embedUpTo;
  }

  /** Takes a copy of the tensor. */
  async upload(tensor: HostTensor, { signal }: CallOptions = {}): Promise<OnnxTensor> {
    signal?.throwIfAborted();
    this.#alive();
    const uploading = this.#runtime.upload(copied(tensor));
    const handle = await untilAborted(uploading, signal, (late) => this.#runtime.release([late]));
    return new OnnxTensor(this.#runtime, tensor, handle);
  }

  holds(tensor: DeviceTensor): boolean {
    return tensor instanceof OnnxTensor && tensor.isOn(this.#runtime);
  }

  async compile(graph: Graph, options: CompileOptions = {}): Promise<OnnxProgram> {
    this.#alive();
    const settings = { lowerings: this.#lowerings, embedUpTo: this.#embedUpTo };
    const compiled = await compile(graph, this.#runtime, settings, options);
    const program = new OnnxProgram(this.#runtime, compiled, (gone) => this.#programs.delete(gone));
    this.#programs.add(program);
    return program;
  }

  /**
   * What would run natively and what would be decomposed, and why: one line per op.
   * @param weights names of the inputs that `compile` would be given as weights
   */
  plan(graph: Graph, weights: Iterable<string> = []): string {
    const constants = new Set(weights);
    return formatPlan(prepare(graph, { lowerings: this.#lowerings, constants, dynamic: false }).plan);
  }

  /** Tensors, sessions and bytes that live now: a steady number means that nothing leaks. */
  holdings(): Promise<Holdings> {
    return this.#runtime.holdings();
  }

  /** Frees everything that was made here. Tensors and programs cannot be used afterwards. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await Promise.all([...this.#programs].map((program) => program.dispose()));
    await this.#runtime.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #alive(): void {
    if (this.#disposed) throw new EmuError('DISPOSED', 'This executor has been disposed.');
  }
}

/**
 * Runs graphs on ONNX Runtime. The runtime is injected: this package imports none by itself.
 * `ONNX_RUNTIME_MISSING`: the named module is not installed. `WORKER`: the options do not make a worker possible.
 */
export async function onnx(options: OnnxOptions = {}): Promise<OnnxExecutor> {
  const { ort = 'onnxruntime-node', sessionOptions = {}, worker = false } = options;
  const remote = worker && (await RemoteRuntime.start(await portOf(worker, ort, sessionOptions)));
  if (remote) return new OnnxExecutor(remote, options);
  const module = typeof ort === 'string' ? await importOrt(ort) : unwrap(ort);
  return new OnnxExecutor(new LocalRuntime(module, sessionOptions), options);
}

async function portOf(
  worker: true | WorkerLike,
  ort: Ort | string,
  sessionOptions: SessionOptions,
): Promise<WorkerPort> {
  if (worker !== true) return webWorker(worker);
  if (!isNode())
    throw new EmuError('WORKER', 'Outside Node, `worker: true` cannot start a worker.', {
      hint: 'Give a Worker whose script calls serveOnnx of @emu-ts/onnx/worker.',
    });
  if (typeof ort !== 'string')
    throw new EmuError('WORKER', 'A module cannot be handed to a worker, got the runtime itself as `ort`.', {
      hint: "Name it: ort: 'onnxruntime-node'.",
    });
  return nodeWorker({ ort, sessionOptions });
}
