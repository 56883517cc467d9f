import { gpujs } from '@emu-ts/gpujs';
import type { Executor } from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import { type DeviceOption, Emu } from '../src/index.js';

/** What the test of the app in a browser calls: the library as a page would use it. */
const runtimes: Readonly<Record<string, () => Promise<Executor>>> = {
  async onnx() {
    const ort = await import('onnxruntime-web/wasm');
    ort.env.wasm.wasmPaths = '/ort/';
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins
    return onnx({ ort });
  },
  gpujs: async () => gpujs({ gpu: await import('gpu.js') }),
};

export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

let executor: Executor | undefined;
let emu: Emu;

export const page = {
  async open(device: string): Promise<void> {
    executor = await runtimes[device]?.();
    emu = await Emu.fromPretrained('weights/', { device: executor ?? (device as DeviceOption & string) });
  },

  /** What the model says of a picture, given as a file's bytes. */
  describe: (file: string): Promise<string> =>
    emu.complete([{ image: new Blob([bytesOf(file)]) }], { beams: 1, maxNewTokens: 24 }).text(),

  async draw(words: string, steps: number): Promise<Drawn> {
    const [image] = await emu.draw([words], { steps, candidates: 1, seed: 5 }).images();
    return { ...image, data: [...image.data] };
  },

  /** The code and the message with which a picture on a disk is refused. */
  async failure(image: string): Promise<string> {
    try {
      return await emu.complete([{ image }]).text();
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      return `${code}: ${message}`;
    }
  },

  async close(): Promise<void> {
    await emu.dispose();
    await executor?.dispose();
  },
};

Object.assign(globalThis, { page });
