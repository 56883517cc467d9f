import { afterEach, expect, it, vi } from 'vitest';
import { resting } from './resting.js';

const device = (isFallbackAdapter: boolean) => ({ adapterInfo: { isFallbackAdapter } }) as GPUDevice;
const later = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve('done'), ms));

/** Turns of the event loop while something is waited for, as Dawn has it turn. */
async function turnsDuring(wait: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let ended = false;
  const turn = () => {
    turns++;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  await wait();
  ended = true;
  return turns;
}

afterEach(() => vi.restoreAllMocks());

it('leaves the cores to a GPU in software', async () => {
  const rests = vi.spyOn(Atomics, 'wait');
  const busy = await turnsDuring(() => later(60));
  expect(await resting(device(true), later(1))).toBe('done');
  const calm = await turnsDuring(() => resting(device(true), later(60)));
  expect(calm).toBeLessThan(busy / 4);
  expect(rests).toHaveBeenCalled();
});

it('rests once a turn, however many waits there were', async () => {
  for (let i = 0; i < 50; i++) await resting(device(true), Promise.resolve());
  const rests = vi.spyOn(Atomics, 'wait');
  const turns = await turnsDuring(() =>
    Promise.all([resting(device(true), later(20)), resting(device(true), later(30))]),
  );
  expect(rests.mock.calls.length).toBeLessThanOrEqual(turns + 1);
});

it('does not keep a graphics card waiting, and passes failures on', async () => {
  const rests = vi.spyOn(Atomics, 'wait');
  await resting(device(false), later(20));
  await resting({} as GPUDevice, later(5));
  expect(rests).not.toHaveBeenCalled();
  await expect(resting(device(true), Promise.reject(new Error('lost')))).rejects.toThrow('lost');
});
