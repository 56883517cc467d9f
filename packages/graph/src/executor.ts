import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { Graph } from './graph.js';
import type { AnyOp } from './op.js';
import type { TensorType } from './value.js';

/** A tensor that an executor holds. Whoever received it disposes it. */
export interface DeviceTensor extends TensorType, Disposable {
  /** Its device went away, and its elements with it. Absent: that does not happen. */
  readonly isLost?: boolean | undefined;
  /** Copies the elements to host memory. */
  read(options?: CallOptions): Promise<HostTensor>;
  dispose(): void;
}

export type AnyTensor = HostTensor | DeviceTensor;

export const isDeviceTensor = (t: AnyTensor): t is DeviceTensor => 'read' in t;

export interface CompileOptions extends CallOptions {
  /**
   * Inputs that stay the same from run to run. They are placed once; several programs may be given the same device
   * tensors and share them. `run` must not name them again.
   */
  readonly weights?: Readonly<Record<string, AnyTensor>> | undefined;
  /**
   * State: input name → output name. The executor may write the output over the input's storage; the device tensor
   * given to `run` is consumed, and the output handed back takes its place.
   */
  readonly donate?: Readonly<Record<string, string>> | undefined;
}

/** A compiled graph. */
export interface Program extends AsyncDisposable {
  /** The inputs `run` expects (weights excluded) and the outputs it gives. */
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  run(
    inputs: Readonly<Record<string, AnyTensor>>,
    options?: CallOptions,
  ): Promise<Record<string, DeviceTensor>>;
  dispose(): Promise<void>;
}

/** Runs graphs: the f64 interpreter, ONNX Runtime, WebGPU, gpu.js. Nothing in a model mentions one. */
export interface Executor extends AsyncDisposable {
  readonly name: string;
  upload(tensor: HostTensor, options?: CallOptions): Promise<DeviceTensor>;
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
  /**
   * Whether an op runs in one piece here. Asked where its decomposition would cost too much and there is another way.
   * Absent: no op is promised to.
   */
  hasKernel?(op: AnyOp): boolean;
  /** Whether programs compiled here can read a tensor where it lies. Absent: whatever they are given. */
  holds?(tensor: DeviceTensor): boolean;
  dispose(): Promise<void>;
}

/** A tensor as programs of `executor` can read it: itself, or a copy in host memory of what another executor holds. */
export const reachable = async (
  executor: Executor,
  tensor: AnyTensor,
  options?: CallOptions,
): Promise<AnyTensor> =>
  isDeviceTensor(tensor) && executor.holds?.(tensor) === false ? tensor.read(options) : tensor;
