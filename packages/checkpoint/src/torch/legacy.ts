/**
 * Files of PyTorch before 1.6: five pickles (a magic number, the protocol, facts about the writer, the object, the
 * storage keys), then each storage as a 64-bit element count and its bytes, in the order of the keys.
 */
import { byteSize } from '@emu-ts/base';
import type { Checkpoint } from '../checkpoint.js';
import { CheckpointError, corrupt, quote, unsupported } from '../error.js';
import { Budget, MAX_PICKLE } from '../limits.js';
import { type ByteSource, readExactly } from '../source/byte-source.js';
import { OutOfBytes } from './cursor.js';
import { storageRef } from './globals.js';
import { type TorchOptions, torchCheckpoint } from './torch-checkpoint.js';
import { unpickle } from './unpickle.js';
import { PickleDict, type PickleValue, type StorageRef } from './values.js';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const FIRST_READ = 65_536;

interface Pickles {
  readonly root: PickleValue;
  readonly keys: readonly string[];
  readonly storages: ReadonlyMap<string, StorageRef>;
  readonly end: number;
  readonly budget: Budget;
}

export async function openTorchLegacy(source: ByteSource, options: TorchOptions): Promise<Checkpoint> {
  const { root, keys, storages, end, budget } = await readPickles(source, options.signal);
  const starts = place(keys, storages, end, source.size);
  const verified = new Set<string>();
  return torchCheckpoint({
    format: 'torch-legacy',
    source,
    root,
    budget,
    options,
    storageBytes: (key) => (starts.has(key) ? bytesOf(storages.get(key)!) : undefined),
    async locate({ key, length }, signal) {
      const start = starts.get(key)!;
      if (!verified.has(key)) {
        const count = await readExactly(source, start - 8, 8, `The length of storage ${quote(key)}`, signal);
        const got = new DataView(count.buffer, count.byteOffset).getBigInt64(0, true);
        if (got !== BigInt(length))
          throw corrupt(`Storage ${quote(key)} has ${got} elements, the pickle says ${length}.`);
        verified.add(key);
      }
      return start;
    },
  });
}

const bytesOf = ({ length, dtype }: StorageRef) => length * byteSize(dtype);

/** The pickles at the start of the file, whose length nothing tells: more is read until the last one ends. */
async function readPickles(source: ByteSource, signal: AbortSignal | undefined): Promise<Pickles> {
  const most = Math.min(source.size, MAX_PICKLE);
  for (let length = Math.min(FIRST_READ, most); ; length = Math.min(4 * length, most)) {
    const bytes = await readExactly(source, 0, length, 'The pickles', signal);
    try {
      return parsePickles(bytes);
    } catch (error) {
      if (!(error instanceof OutOfBytes)) throw error;
      if (length === most) throw corrupt(`The pickles do not end within the first ${most} bytes.`);
    }
  }
}

function parsePickles(bytes: Uint8Array): Pickles {
  const budget = new Budget('The pickle');
  const storages = new Map<string, StorageRef>();
  const persistent = (id: PickleValue) => {
    const storage = storageRef(id);
    const known = storages.get(storage.key);
    if (known && (known.dtype !== storage.dtype || known.length !== storage.length)) {
      throw corrupt(`Storage ${quote(storage.key)} is described twice, and differently.`);
    }
    storages.set(storage.key, storage);
    return storage;
  };
  let end = 0;
  const next = () => {
    const pickle = unpickle(bytes, end, { budget, persistent });
    end = pickle.end;
    return pickle.value;
  };
  if (next() !== MAGIC) {
    throw new CheckpointError('UNKNOWN_FORMAT', 'The file is a pickle, but not one that torch.save wrote.', {
      hint: 'Save the state_dict with torch.save or safetensors.',
    });
  }
  const protocol = next();
  if (protocol !== PROTOCOL)
    throw unsupported(`The file says PyTorch format ${String(protocol)}, readable is ${PROTOCOL}.`);
  const writer = next();
  if (writer instanceof PickleDict && writer.entries.get('little_endian') === false) {
    throw unsupported('The file was written in big-endian byte order, readable is little-endian.', {
      hint: 'Load and save it again on a little-endian machine.',
    });
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw corrupt('The list of storage keys is not a list of names.');
  }
  return { root, keys, storages, end, budget };
}

/** The byte offset of each storage's elements. */
function place(
  keys: readonly string[],
  storages: ReadonlyMap<string, StorageRef>,
  first: number,
  size: number,
): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  let end = first;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || starts.has(key))
      throw corrupt(`Storage key ${quote(key)} is listed, but ${storage ? 'twice' : 'no tensor uses it'}.`);
    starts.set(key, end + 8);
    end += 8 + bytesOf(storage);
  }
  if (end > size) {
    throw corrupt(`The storages end at byte ${end}, but the file has ${size} bytes.`, {
      hint: 'It is truncated or damaged: fetch it again.',
    });
  }
  return starts;
}
