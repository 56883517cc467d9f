import type { EmuEvent, EmuItem } from '@emu-ts/emu';

/** What the page and its worker say to each other. A worker does one thing after the other. */
export type Device = 'webgpu' | 'onnx' | 'gpujs';
export type Variant = 'base' | 'instruct';

export interface Settings {
  readonly seed: number;
  readonly steps: number;
  readonly candidates: number;
}

export interface Load {
  readonly kind: 'load';
  /** Where the weights lie: whole, since a worker's own address is another than the page's. */
  readonly weights: string;
  readonly device: Device;
  readonly variant: Variant;
}

export interface Answer {
  readonly kind: 'answer';
  readonly items: readonly EmuItem[];
  readonly output: 'text' | 'image';
  readonly settings: Settings;
}

export type ToWorker = Load | Answer | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'loading'; readonly component: string; readonly loaded: number; readonly total: number }
  | { readonly kind: 'event'; readonly event: EmuEvent }
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };
