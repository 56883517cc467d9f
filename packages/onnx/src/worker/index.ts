import { LocalRuntime } from '../executor/local.js';
import { type Ort, type SessionOptions, unwrap } from '../executor/ort.js';
import type { Port, Reply, Request } from './protocol.js';
import { serve } from './serve.js';
import type { MessageLike, WorkerLike } from './web.js';

/**
 * Makes a Web Worker script the home of ONNX Runtime:
 *
 *     import * as ort from 'onnxruntime-web';
 *     import { serveOnnx } from '@emu-ts/onnx/worker';
 *     serveOnnx(ort);
 *
 * The page then says `onnx({ worker: new Worker(new URL('./that-script.js', import.meta.url), { type: 'module' }) })`.
 * @param scope where messages come from and go to; default the worker's own global scope
 */
export function serveOnnx(
  ort: Ort,
  sessionOptions: SessionOptions = {},
  scope: WorkerLike = globalThis as unknown as WorkerLike,
): void {
  const port: Port<Request, Reply> = {
    post: (message, transfer = []) => scope.postMessage(message, [...transfer]),
    onMessage: (listener) =>
      scope.addEventListener('message', ({ data }: MessageLike<Request>) => listener(data)),
  };
  serve(port, new LocalRuntime(unwrap(ort), sessionOptions));
}

export type { Ort, SessionOptions } from '../executor/ort.js';
export type { WorkerLike } from './web.js';
