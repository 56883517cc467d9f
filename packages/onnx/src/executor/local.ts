import { EmuError, type HostTensor, sizeOf, type TypedArray } from '@emu-ts/base';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { ortType } from '../model/dtype.js';
import { free } from './free.js';
import { type Ort, runtimeError, type SessionOptions, sessionSettings } from './ort.js';
import type { Handle, Holdings, LoadRequest, Patch, RunRequest, Runtime } from './runtime.js';

interface Session {
  readonly session: InferenceSession;
  readonly fixed: Readonly<Record<string, Tensor>>;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * ONNX Runtime in this thread. Sessions are created and run one after the other, as the WebAssembly build demands.
 * Outputs are never given buffers to be written into: onnxruntime-node 1.30 fills such a buffer and then copies it
 * into a new one all the same.
 */
export class LocalRuntime implements Runtime {
  readonly #ort: Ort;
  readonly #options: SessionOptions;
  readonly #tensors = new Map<Handle, Tensor>();
  readonly #sessions = new Map<Handle, Session>();
  /** Tensors that a session was given when it was loaded: it may read them for as long as it lives. */
  readonly #kept = new WeakSet<Tensor>();
  #next: Handle = 1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ort: Ort, options: SessionOptions = {}) {
    this.#ort = ort;
    this.#options = sessionSettings(options);
  }

  async upload(tensor: HostTensor): Promise<Handle> {
    return this.#keep(this.#tensor(tensor));
  }

  async read(handle: Handle): Promise<TypedArray> {
    return elements(this.#held(handle)).slice();
  }

  load({ model, external, fixed, planMemory }: LoadRequest): Promise<Handle> {
    return this.#queue(async () => {
      const externalData = Object.entries(external).map(([path, source]) => ({
        path,
        data: typeof source === 'number' ? bytesOf(elements(this.#lasting(source))) : (source as Bytes),
      }));
      const session = await this.#ort.InferenceSession.create(model, {
        enableMemPattern: planMemory,
        ...this.#options,
        ...(externalData.length ? { externalData } : {}),
      }).catch((cause) => {
        throw runtimeError('loading a model', cause);
      });
      const handle = this.#next++;
      const tensors = Object.entries(fixed).map(([name, tensor]) => [name, this.#lasting(tensor)] as const);
      this.#sessions.set(handle, { session, fixed: Object.fromEntries(tensors) });
      return handle;
    });
  }

  run({ session: handle, feeds, outputs }: RunRequest): Promise<Record<string, Handle>> {
    const held = this.#sessions.get(handle);
    if (!held) throw new EmuError('DISPOSED', 'This program has been disposed.');
    const given: Record<string, Tensor> = { ...held.fixed };
    for (const [name, feed] of Object.entries(feeds))
      given[name] = typeof feed === 'number' ? this.#held(feed) : this.#tensor(feed);
    return this.#queue(async () => {
      const results = await held.session.run(given, outputs).catch((cause) => {
        throw runtimeError('running a program', cause);
      });
      return Object.fromEntries(outputs.map((name) => [name, this.#keep(results[name] as Tensor)]));
    });
  }

  async patch(patches: readonly Patch[]): Promise<void> {
    const writes = patches.map(({ state, update, start, axis }) =>
      rowWrites(this.#held(state), this.#held(update), Number(elements(this.#held(start))[0]), axis),
    );
    for (const write of writes) write();
  }

  release(handles: readonly Handle[]): void {
    const gone: Tensor[] = [];
    for (const handle of handles) {
      const tensor = this.#tensors.get(handle);
      if (tensor && !this.#kept.has(tensor)) gone.push(tensor);
      this.#tensors.delete(handle);
      const session = this.#sessions.get(handle);
      this.#sessions.delete(handle);
      if (session) this.#queue(() => session.session.release()).catch(() => {});
    }
    if (gone.length) this.#queue(async () => free(gone)); // after runs that were given them
  }

  holdings(): Promise<Holdings> {
    return this.#queue(async () => {
      const sizes = [...this.#tensors.values()].map((tensor) => elements(tensor).byteLength);
      const bytes = sizes.reduce((a, b) => a + b, 0);
      return { tensors: sizes.length, sessions: this.#sessions.size, bytes };
    });
  }

  async dispose(): Promise<void> {
    this.release([...this.#sessions.keys(), ...this.#tensors.keys()]);
    await this.#last.catch(() => {});
  }

  #tensor({ dtype, shape, data }: HostTensor): Tensor {
    return new this.#ort.Tensor(ortType(dtype), data as never, shape);
  }

  #keep(tensor: Tensor): Handle {
    const handle = this.#next++;
    this.#tensors.set(handle, tensor);
    return handle;
  }

  #held(handle: Handle): Tensor {
    const tensor = this.#tensors.get(handle);
    if (!tensor) throw new EmuError('DISPOSED', 'This tensor has been disposed.');
    return tensor;
  }

  #lasting(handle: Handle): Tensor {
    const tensor = this.#held(handle);
    this.#kept.add(tensor);
    return tensor;
  }

  #queue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task);
    this.#last = result;
    return result;
  }
}

/** The elements as they lie in memory; where a runtime gives Float16Array, its bits. */
function elements({ type, data }: Tensor): TypedArray {
  const array = data as TypedArray;
  return type === 'float16' ? new Uint16Array(array.buffer, array.byteOffset, array.length) : array;
}

const bytesOf = (data: TypedArray): Bytes =>
  new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);

/** Checks one update and returns what carries it out. */
function rowWrites(state: Tensor, update: Tensor, start: number, axis: number): () => void {
  const [size, length] = [state.dims[axis], update.dims[axis]];
  if (!(start >= 0 && start + length <= size)) {
    throw new EmuError('INDEX', `${length} elements from ${start} are outside an axis of ${size}.`);
  }
  const [to, from] = [elements(state), elements(update)] as [Float32Array, Float32Array];
  const inner = sizeOf(state.dims.slice(axis + 1));
  return () => {
    const row = length * inner;
    for (let outer = 0; outer * row < from.length; outer++)
      to.set(from.subarray(outer * row, (outer + 1) * row), (outer * size + start) * inner);
  };
}
