import { EmuError, type HostTensor, type TypedArray } from '@emu-ts/base';
import type { Handle, Holdings, LoadRequest, Patch, RunRequest, Runtime } from '../executor/runtime.js';
import { decodeError, type Method, type Port, type Reply, type Request, startCall } from './protocol.js';

/** A port to a worker, and what can be done to the worker itself. */
export interface WorkerPort extends Port<Reply, Request> {
  /** Calls back once when the worker dies. */
  onFailure(listener: (reason: string) => void): void;
  /** Says whether calls are waiting: an idle worker does not keep the process alive. */
  busy(waiting: boolean): void;
  terminate(): void | Promise<void>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** ONNX Runtime in a worker. Requests are carried out in the order in which they are made. */
export class RemoteRuntime implements Runtime {
  readonly #port: WorkerPort;
  readonly #pending = new Map<number, Pending>();
  #next = startCall + 1;
  #failure: EmuError | undefined;

  private constructor(port: WorkerPort) {
    this.#port = port;
    port.onMessage((reply) => this.#settle(reply));
    port.onFailure((reason) => {
      this.#failure ??= new EmuError('WORKER_FAILED', `The ONNX worker ended: ${reason}`);
      for (const { reject } of this.#pending.values()) reject(this.#failure);
      this.#pending.clear();
      port.busy(false);
    });
  }

  /** Resolves when the worker is ready; rejects with the worker's reason when it cannot start. */
  static async start(port: WorkerPort): Promise<RemoteRuntime> {
    const runtime = new RemoteRuntime(port);
    try {
      await runtime.#wait(startCall);
    } catch (error) {
      await port.terminate();
      throw error;
    }
    return runtime;
  }

  upload(tensor: HostTensor): Promise<Handle> {
    return this.#call('upload', tensor, [tensor.data.buffer as ArrayBuffer]);
  }

  read(tensor: Handle): Promise<TypedArray> {
    return this.#call('read', tensor);
  }

  load(request: LoadRequest): Promise<Handle> {
    return this.#call('load', request);
  }

  run(request: RunRequest): Promise<Readonly<Record<string, Handle>>> {
    return this.#call('run', request);
  }

  patch(patches: readonly Patch[]): Promise<void> {
    return this.#call('patch', patches);
  }

  holdings(): Promise<Holdings> {
    return this.#call('holdings', undefined);
  }

  release(handles: readonly Handle[]): void {
    if (handles.length && !this.#failure) this.#port.post({ release: handles });
  }

  async dispose(): Promise<void> {
    if (!this.#failure) await this.#call('dispose', undefined);
    this.#failure = new EmuError('DISPOSED', 'This executor has been disposed.');
    await this.#port.terminate();
  }

  /** @param transfer buffers that move to the worker instead of being copied */
  async #call<T>(method: Method, argument: unknown, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    if (this.#failure) throw this.#failure;
    const id = this.#next++;
    const answer = this.#wait(id);
    this.#port.post({ id, method, argument }, transfer);
    return (await answer) as T;
  }

  #wait(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#port.busy(true);
    });
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!this.#pending.size) this.#port.busy(false);
    if ('error' in reply) pending?.reject(decodeError(reply.error));
    else pending?.resolve(reply.value);
  }
}
