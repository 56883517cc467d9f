import { Emu } from '@emu-ts/emu';
import type { Executor } from '@emu-ts/graph';
import type { Answer, Device, FromWorker, Load, ToWorker } from './protocol.js';

/** The model in a thread of its own, so that the page stays free. */
const runtimes: Readonly<Record<Device, () => Promise<Executor | undefined>>> = {
  webgpu: async () => undefined, // the app's own, with every kernel there is
  async onnx() {
    const { onnx } = await import('@emu-ts/onnx');
    const ort = await import('onnxruntime-web/wasm');
    const { default: wasm } = await import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url');
    ort.env.wasm.wasmPaths = { wasm };
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins
    return onnx({ ort });
  },
  async gpujs() {
    const { gpujs } = await import('@emu-ts/gpujs');
    return gpujs({ gpu: await import('gpu.js') });
  },
};

const post = (message: FromWorker): void => postMessage(message);

let emu: Emu | undefined;
let executor: Executor | undefined;
let current = new AbortController();

async function load({ weights, device, variant }: Load, signal: AbortSignal): Promise<void> {
  await emu?.dispose();
  await executor?.dispose();
  [emu, executor] = [undefined, undefined];
  executor = await runtimes[device]();
  emu = await Emu.fromPretrained(weights, {
    device: executor ?? 'webgpu',
    variant,
    signal,
    onProgress: ({ component = 'weights', loaded, total = 0 }) =>
      post({ kind: 'loading', component, loaded, total }),
  });
}

async function answer({ items, output, settings }: Answer, signal: AbortSignal): Promise<void> {
  if (!emu) throw new Error('No model is loaded.');
  const draw = { ...settings, previewEvery: 2 };
  for await (const event of emu.complete(items, { output, draw, beams: 1, signal }))
    post({ kind: 'event', event });
}

addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'stop') return current.abort();
  current = new AbortController();
  const { signal } = current;
  try {
    await (data.kind === 'load' ? load(data, signal) : answer(data, signal));
    post({ kind: 'done' });
  } catch (error) {
    if (signal.aborted) return post({ kind: 'stopped' });
    const { code, message, hint } = error as Error & { code?: string; hint?: string };
    post({ kind: 'failed', message: [code, message, hint].filter(Boolean).join(' · ') });
  }
});
