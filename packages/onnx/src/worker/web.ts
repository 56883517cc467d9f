import type { Reply } from './protocol.js';
import type { WorkerPort } from './remote.js';

/** What a Web Worker, and anything shaped like one, offers. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: never) => void): void;
  terminate?(): void;
}

export interface MessageLike<T> {
  readonly data: T;
}

/** A worker that the caller has started, with a script that calls `serveOnnx`. */
export const webWorker = (worker: WorkerLike): WorkerPort => ({
  post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
  onMessage: (listener) =>
    worker.addEventListener('message', ({ data }: MessageLike<Reply>) => listener(data)),
  onFailure: (listener) =>
    worker.addEventListener('error', ({ message }: { message?: string }) =>
      listener(message ?? 'it could not be loaded'),
    ),
  busy: () => {},
  terminate: () => worker.terminate?.(),
});
