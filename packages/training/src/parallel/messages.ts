import type { HostTensor } from '@emu-ts/base';
import type { Figures, Scalars } from '../loop/programs.js';

/** What the trainer and its workers say to each other. */

/** A trained variable in memory that all threads see. */
export interface SharedWeight {
  readonly shape: readonly number[];
  readonly buffer: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: 'weights'; readonly weights: Readonly<Record<string, SharedWeight>> }
  | {
      readonly kind: 'gradients';
      readonly id: number;
      readonly batch: Readonly<Record<string, HostTensor>>;
      readonly scalars: Scalars;
    };

export type FromWorker =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'gradients';
      readonly id: number;
      readonly figures: Figures;
      readonly gradients: Readonly<Record<string, HostTensor>>;
    }
  | { readonly kind: 'failed'; readonly id: number | undefined; readonly message: string };

/** The part of a `Worker` of `node:worker_threads` that is used. */
export interface WorkerLike {
  postMessage(value: unknown): void;
  on(event: 'message', listener: (value: FromWorker) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

/** The part of a `MessagePort` that is used. */
export interface PortLike {
  postMessage(value: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (value: ToWorker) => void): unknown;
}
