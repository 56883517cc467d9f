import { isNode } from '@emu-ts/base';

/** The event loop is one, so this is too: how many waits there are, since when nothing has changed, and whether it rests next. */
let waiting = 0;
let since = 0;
let planned = false;

const [shortest, longest] = [0.05, 1]; // ms

/**
 * Waits for a device. Dawn in Node has the event loop ask again and again whether anything is done, which keeps one core busy; a
 * GPU in software computes with the cores, and is half again as fast when it has them all. There, the event loop rests
 * between two questions, for a quarter of the time that it has waited so far and for a millisecond at most.
 */
export async function resting<T>(device: GPUDevice, work: Promise<T>): Promise<T> {
  if (!device.adapterInfo?.isFallbackAdapter || !isNode()) return work;
  since = performance.now();
  waiting++;
  plan();
  try {
    return await work;
  } finally {
    waiting--;
    since = performance.now();
  }
}

function plan(): void {
  if (!planned) setImmediate(rest);
  planned = true;
}

/** What nobody ever wakes; made where it is needed, for many pages have no shared memory. */
let never: Int32Array | undefined;

function rest(): void {
  planned = false;
  if (waiting === 0) return;
  never ??= new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(never, 0, 0, Math.min(Math.max((performance.now() - since) / 4, shortest), longest));
  plan();
}
