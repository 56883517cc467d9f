import { DeviceLimitError } from '../device/errors.js';
import type { Step, Storage } from './steps.js';

/** Where a storage lies: a slab and a position in it. */
export interface Spot {
  readonly slab: number;
  readonly offset: number;
}

export interface Packing {
  readonly spots: ReadonlyMap<Storage, Spot>;
  /** Bytes of each slab. */
  readonly slabs: readonly number[];
}

/** Offsets of storage bindings. The WebGPU default, which every device meets. */
const alignment = 256;

/** Siblings in different slabs may overlap on the GPU; more slabs than this would only waste memory. */
const preferredSlabs = 4;

const roundUp = (n: number) => Math.ceil(n / alignment) * alignment;

/**
 * Puts the tensors between steps into a few large buffers. WebGPU looks at whole buffers: one that is bound to be read and
 * written in one dispatch is an error. So storages are coloured first, such that what a step reads and what it writes
 * never share a colour; then each colour becomes a slab in which lifetimes are packed, large ones first.
 */
export function pack(storages: readonly Storage[], steps: readonly Step[], maxBytes: number): Packing {
  const inSlabs = storages.filter(({ kind }) => kind === 'slab');
  for (const { name, bytes } of inSlabs) {
    if (bytes > maxBytes)
      throw new DeviceLimitError(`A result of ${name}`, 'maxStorageBufferBindingSize', bytes, maxBytes);
  }
  const colours = colour(inSlabs, conflictsOf(steps));
  const spots = new Map<Storage, Spot>();
  const slabs: number[] = [];
  for (const members of colours) {
    let left = [...members].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
    while (left.length) {
      const slab = slabs.length;
      const placed: { storage: Storage; offset: number }[] = [];
      const overflow: Storage[] = [];
      let bytes = 0;
      for (const storage of left) {
        const offset = lowestGap(storage, placed);
        if (offset + storage.bytes > maxBytes) {
          overflow.push(storage);
          continue;
        }
        placed.push({ storage, offset });
        spots.set(storage, { slab, offset });
        bytes = Math.max(bytes, offset + storage.bytes);
      }
      slabs.push(bytes);
      left = overflow;
    }
  }
  return { spots, slabs };
}

/** Pairs that one step reads and writes. */
function conflictsOf(steps: readonly Step[]): Map<Storage, Set<Storage>> {
  const conflicts = new Map<Storage, Set<Storage>>();
  const add = (a: Storage, b: Storage) => conflicts.set(a, (conflicts.get(a) ?? new Set()).add(b));
  for (const step of steps) {
    const list = (operands: Extract<Step, { kind: 'dispatch' }>['reads']) =>
      Object.values(operands).flatMap((o) => (o.kind === 'storage' ? [o.storage] : []));
    const [reads, writes] =
      step.kind === 'copy' ? [[step.from], [step.to]] : [list(step.reads), list(step.writes)];
    for (const read of reads)
      for (const write of writes) {
        add(read, write);
        add(write, read);
      }
  }
  return conflicts;
}

/** Greedy in order of birth; of the colours allowed, the one with the fewest bytes alive at that moment. */
function colour(
  storages: readonly Storage[],
  conflicts: ReadonlyMap<Storage, ReadonlySet<Storage>>,
): Storage[][] {
  const colours: Storage[][] = [];
  const of = new Map<Storage, number>();
  for (const storage of storages) {
    const taken = new Set([...(conflicts.get(storage) ?? [])].map((other) => of.get(other)));
    const alive = (members: readonly Storage[]) =>
      members.reduce((n, { bytes, last }) => n + (last >= storage.first ? bytes : 0), 0);
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    const count = Math.max(preferredSlabs, colours.length);
    for (let c = 0; c < count; c++) {
      if (taken.has(c)) continue;
      const bytes = alive(colours[c] ?? []);
      if (bytes < least) [best, least] = [c, bytes];
    }
    if (best < 0) best = count;
    while (colours.length <= best) colours.push([]);
    colours[best].push(storage);
    of.set(storage, best);
  }
  return colours.filter((members) => members.length);
}

/** The lowest offset at which a storage meets none that lives at the same time. */
function lowestGap(
  storage: Storage,
  placed: readonly { readonly storage: Storage; readonly offset: number }[],
): number {
  const meeting = placed
    .filter(({ storage: other }) => other.first <= storage.last && storage.first <= other.last)
    .sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const { storage: other, offset: start } of meeting) {
    if (offset + storage.bytes <= start) break;
    offset = Math.max(offset, roundUp(start + other.bytes));
  }
  return offset;
}
