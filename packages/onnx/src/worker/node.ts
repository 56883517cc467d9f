import type { SessionOptions } from '../executor/ort.js';
import type { WorkerPort } from './remote.js';

/** What a Node worker is started with. */
export interface WorkerData {
  readonly ort: string;
  readonly sessionOptions: SessionOptions;
}

/** Tests and development run this package from its TypeScript source, which a worker can only read through a loader. */
const fromSource = (url: URL) =>
  `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(url.href)}); });`;

/** Starts ONNX Runtime in a `worker_threads` worker. */
export async function nodeWorker(data: WorkerData): Promise<WorkerPort> {
  const { Worker } = await import('node:worker_threads');
  // Written apart from `new Worker`, which bundlers of pages take for a script of the page that they have to bundle.
  const here = import.meta.url;
  const script = (name: string) => new URL(name, here);
  const worker = here.endsWith('.ts')
    ? new Worker(fromSource(script('./node-worker.ts')), {
        eval: true,
        workerData: data,
        execArgv: ['--conditions=@emu-ts/source'],
      })
    : new Worker(script('./node-worker.js'), { workerData: data });
  worker.unref();
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => worker.on('message', listener),
    onFailure: (listener) => {
      worker.once('error', (error) => listener(error.message));
      worker.once('exit', (code) => listener(`exit code ${code}`));
    },
    busy: (waiting) => (waiting ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
