/**
 * Thousands of damaged files per format, the same ones on every run. Each must open and read, or fail with a
 * `CheckpointError`; none may read outside the file, take memory beyond its size plus 64 MiB, or hang.
 */
import { type HostTensor, random, tensor } from '@emu-ts/base';
import { expect, it } from 'vitest';
import { Global, List, Reduce, type Value, WithState } from '../test/pickle-writer.js';
import { watched } from '../test/sources.js';
import { concat, stored, torchLegacy, tensor as torchTensor, torchZip } from '../test/torch-files.js';
import { CheckpointError, encodeSafetensors, openCheckpoint } from './index.js';

const MUTATIONS = 2000;
const EXTRA = 64 * 2 ** 20;

const weights = stored('0', 'FloatStorage', random(1).normal(600));
const half = stored(
  '1',
  'BFloat16Storage',
  Uint16Array.from({ length: 64 }, (_, i) => i),
);
const ids = stored(
  '2',
  'LongStorage',
  BigInt64Array.from({ length: 9 }, (_, i) => BigInt(i)),
);
const stateDict = new WithState(
  new Reduce(new Global('collections', 'OrderedDict'), [
    new List([
      ['layer.0.weight', torchTensor(weights, [20, 30])],
      ['layer.0.transposed', torchTensor(weights, [30, 20], { strides: [1, 30] })],
      ['layer.0.part', torchTensor(weights, [7], { offset: 11, strides: [3] })],
      ['norm', torchTensor(half, [64])],
      [
        'ids',
        new Reduce(new Global('torch._utils', '_rebuild_parameter'), [torchTensor(ids, [9]), false, null]),
      ],
    ]),
  ]),
  new Map<Value, Value>([['_metadata', new Map<Value, Value>([['version', 1]])]]),
);
const root = new Map<Value, Value>([
  ['module', stateDict],
  ['epoch', 12],
  ['lr', 0.5],
  ['history', new List([1, 2.5, 'x', null, true, 2n ** 70n])],
]);
const host: Record<string, HostTensor> = {
  'layer.0.weight': tensor('f32', [20, 30], random(1).normal(600)),
  norm: tensor('bf16', [64]),
  ids: tensor('i64', [9]),
  scalar: tensor('f64', []),
  empty: tensor('u8', [0, 4]),
};
const files: Record<string, Uint8Array> = {
  safetensors: encodeSafetensors(host, { format: 'pt', step: '12' }),
  'torch zip': torchZip(root, [weights, half, ids], { extra: { byteorder: 'little', version: '3\n' } }),
  'torch zip, protocol 4': torchZip(root, [weights, half, ids], { protocol: 4 }),
  'torch legacy': torchLegacy(root, [weights, half, ids]),
};

/** One of the ways a file goes wrong, drawn from a stream of random numbers. */
function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const draws = random(seed).bits(64);
  let drawn = 0;
  const below = (n: number) => draws[drawn++] % Math.max(1, n);
  // The structure is at the ends of the file (header, pickles, directory), where damage tells more.
  const place = () => {
    const near = Math.min(bytes.length, 1500);
    const where = below(4);
    return where < 2 ? below(near) : where === 2 ? bytes.length - 1 - below(near) : below(bytes.length);
  };
  const out = bytes.slice();
  switch (below(7)) {
    case 0:
      return bytes.slice(0, place());
    case 1: {
      for (let flips = 1 + below(8); flips > 0; flips--) out[place()] ^= 1 << below(8);
      return out;
    }
    case 2: {
      for (let edits = 1 + below(4); edits > 0; edits--) out[place()] = below(256);
      return out;
    }
    case 3: {
      const extremes = [0xff, 0x7f, 0x00, 0x80];
      const at = place();
      out.fill(extremes[below(4)], at, at + 2 ** below(4));
      return out;
    }
    case 4: {
      const [from, to, length] = [place(), place(), 1 + below(64)];
      out.set(bytes.subarray(from, Math.min(from + length, from + bytes.length - to)), to);
      return out;
    }
    case 5: {
      const at = place();
      return concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(64))]);
    }
    default: {
      const [at, from] = [place(), place()];
      return concat([bytes.subarray(0, at), bytes.subarray(from, from + 1 + below(64)), bytes.subarray(at)]);
    }
  }
}

it.each(Object.entries(files))(
  `survives ${MUTATIONS} damaged files: %s`,
  { timeout: 20_000 },
  async (name, bytes) => {
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < MUTATIONS; seed++) {
      const damaged = mutate(bytes, seed);
      const source = watched(damaged);
      const before = process.memoryUsage();
      let outcome = 'success';
      try {
        const checkpoint = await openCheckpoint(source, { retypeBySize: seed % 2 === 1 });
        for (const tensor of checkpoint.entries.keys()) {
          await checkpoint.read(tensor).catch((error) => {
            if (!(error instanceof CheckpointError)) throw error;
            outcome = error.code;
          });
        }
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw new Error(`${name}, seed ${seed}`, { cause: error });
        outcome = error.code;
      }
      const after = process.memoryUsage();
      const taken =
        Math.max(0, after.arrayBuffers - before.arrayBuffers) + Math.max(0, after.heapUsed - before.heapUsed);
      if (taken > damaged.length + EXTRA) throw new Error(`${name}, seed ${seed} took ${taken} bytes`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // A fuzz test in which nothing fails, or everything does, tests nothing.
    expect(outcomes.get('success')).toBeGreaterThan(MUTATIONS / 50);
    expect(outcomes.get('CORRUPT_CHECKPOINT')).toBeGreaterThan(MUTATIONS / 10);
  },
);
