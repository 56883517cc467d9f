import { EmuError, type HostTensor } from '@emu-ts/base';
import type { AnyTensor } from '@emu-ts/graph';
import type { Donation } from './donation.js';
import { feedOf } from './inputs.js';
import type { Handle, Runtime } from './runtime.js';
import { copied, OnnxTensor } from './tensor.js';

/** Donated tensors, out of circulation while a program runs. */
export interface Loan {
  /** Tensors that will be written in place, by input. */
  readonly state: Readonly<Record<string, Handle>>;
  /** Ends the loan: tensors are consumed when the run succeeded, and are the caller's again when it did not. */
  settle(succeeded: boolean): void;
}

/**
 * Takes the donated inputs of one run. A donated host tensor is uploaded first, so that what is written in place is
 * never the caller's array. `feeds` is corrected to match.
 */
export async function lend(
  runtime: Runtime,
  { inPlace, swapped }: Donation,
  inputs: Readonly<Record<string, AnyTensor>>,
  feeds: Record<string, Handle | HostTensor>,
): Promise<Loan> {
  const places = inPlace.map(({ input }) => input);
  const given = places.map((input) => feedOf(inputs[input], runtime));
  const old = Object.keys(swapped)
    .map((input) => feedOf(inputs[input], runtime))
    .filter((feed) => typeof feed === 'number');
  const tensors = [...places, ...Object.keys(swapped)]
    .map((input) => inputs[input])
    .filter((tensor) => tensor instanceof OnnxTensor);
  if (new Set(tensors).size < tensors.length)
    throw new EmuError('DONATION', 'One tensor is donated as several inputs.');
  const loans = tensors.map((tensor) => tensor.lend());
  const state: Record<string, Handle> = {};
  const uploaded: Handle[] = [];
  const settle = (succeeded: boolean) => {
    for (const loan of loans) succeeded ? loan.consume() : loan.giveBack();
    runtime.release(succeeded ? old : uploaded);
  };
  try {
    for (const [i, input] of places.entries()) {
      const feed = given[i];
      const handle =
        typeof feed === 'number' ? feed : await runtime.upload(copied(inputs[input] as HostTensor));
      if (typeof feed !== 'number') uploaded.push(handle);
      state[input] = handle;
      if (input in feeds) feeds[input] = handle;
    }
  } catch (error) {
    settle(false);
    throw error;
  }
  return { state, settle };
}
