import { parentPort, workerData } from 'node:worker_threads';
import { LocalRuntime } from '../executor/local.js';
import { importOrt } from '../executor/ort.js';
import type { WorkerData } from './node.js';
import { encodeError, type Port, type Reply, type Request, startCall } from './protocol.js';
import { serve } from './serve.js';

/** What runs inside the worker that `onnx({ worker: true })` starts in Node. */
const { ort, sessionOptions } = workerData as WorkerData;

if (parentPort) {
  const channel = parentPort;
  const port: Port<Request, Reply> = {
    post: (message, transfer = []) => channel.postMessage(message, [...transfer]),
    onMessage: (listener) => channel.on('message', listener),
  };
  try {
    serve(port, new LocalRuntime(await importOrt(ort), sessionOptions));
  } catch (error) {
    port.post({ id: startCall, error: encodeError(error) });
  }
}
