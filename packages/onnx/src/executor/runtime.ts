import type { HostTensor, TypedArray } from '@emu-ts/base';

/** Names a tensor or session that a runtime holds. Plain numbers, so that they cross a worker's boundary. */
export type Handle = number;

/** A model to load. Bytes of its external files come from memory: given, or those of a tensor already held. */
export interface LoadRequest {
  readonly model: Uint8Array;
  readonly external: Readonly<Record<string, Uint8Array | Handle>>;
  /** Inputs fed on every run. */
  readonly fixed: Readonly<Record<string, Handle>>;
  /** Whether the runtime lays intermediates out in one block before a run: faster by a microsecond a node. */
  readonly planMemory: boolean;
}

export interface RunRequest {
  readonly session: Handle;
  readonly feeds: Readonly<Record<string, Handle | HostTensor>>;
  /** The model's outputs to compute; each becomes a held tensor. */
  readonly outputs: readonly string[];
}

/** Writes `update` into `state` along `axis` at the position in `start`, in place. */
export interface Patch {
  readonly state: Handle;
  readonly update: Handle;
  readonly start: Handle;
  readonly axis: number;
}

/** What a runtime holds. */
export interface Holdings {
  readonly tensors: number;
  readonly sessions: number;
  /** Bytes of the tensors. */
  readonly bytes: number;
}

/** ONNX Runtime, in this thread or in a worker. Tensors hold no bf16 (see `hostType`). */
export interface Runtime {
  /** Takes the array over: nobody else may hold it. */
  upload(tensor: HostTensor): Promise<Handle>;
  read(tensor: Handle): Promise<TypedArray>;
  load(request: LoadRequest): Promise<Handle>;
  run(request: RunRequest): Promise<Readonly<Record<string, Handle>>>;
  /** All of them or, when a position is out of range, none. */
  patch(patches: readonly Patch[]): Promise<void>;
  /** Lets go of tensors and sessions. Does not wait. */
  release(handles: readonly Handle[]): void;
  /** Counts once the runs under way have ended. */
  holdings(): Promise<Holdings>;
  dispose(): Promise<void>;
}
