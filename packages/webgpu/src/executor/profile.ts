import type { Compiled } from './compile.js';
import type { Session } from './session.js';

/** One dispatch: what ran and for how long. */
export interface ProfileEntry {
  readonly op: string;
  readonly kernel: string;
  readonly workgroups: number;
  readonly nanoseconds: number;
}

/** Where the time of a run went. Browsers round timestamps, so only sums over many dispatches mean much there. */
export interface Profile {
  readonly entries: readonly ProfileEntry[];
  /** One line per kernel, the slowest first: time, share, dispatches. */
  toString(): string;
}

const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x4;
/** Queries that one set may hold. */
const maxQueries = 4096;

export async function profileRun(
  session: Session,
  compiled: Compiled,
  run: (timestamps: (index: number) => GPUComputePassTimestampWrites) => Promise<void>,
): Promise<Profile> {
  const { device } = session;
  const count = compiled.steps.length * 2;
  const sets = Array.from({ length: Math.ceil(count / maxQueries) }, () =>
    device.createQuerySet({ type: 'timestamp', count: maxQueries }),
  );
  const bytes = sets.length * maxQueries * 8;
  const buffer = device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
  try {
    await run((index) => {
      const first = index * 2;
      return {
        querySet: sets[Math.floor(first / maxQueries)],
        beginningOfPassWriteIndex: first % maxQueries,
        endOfPassWriteIndex: (first % maxQueries) + 1,
      };
    });
    const encoder = device.createCommandEncoder();
    for (const [i, set] of sets.entries())
      encoder.resolveQuerySet(set, 0, maxQueries, buffer, i * maxQueries * 8);
    device.queue.submit([encoder.finish()]);
    const times = new BigUint64Array((await session.read(buffer, bytes, {})).buffer);
    return summarise(compiled, times);
  } finally {
    buffer.destroy();
    for (const set of sets) set.destroy();
  }
}

function summarise({ steps }: Compiled, times: BigUint64Array): Profile {
  const entries = steps.flatMap((step, i): ProfileEntry[] => {
    if ('kind' in step) return [];
    const { kernel, node, pass } = step.dispatch;
    const [x, y, z] = step.grid;
    return [
      {
        op: node.op.name,
        kernel: pass.label ? `${kernel.name} ${pass.label}` : kernel.name,
        workgroups: x * y * z,
        nanoseconds: Math.max(0, Number(times[2 * i + 1] - times[2 * i])),
      },
    ];
  });
  return { entries, toString: () => table(entries) };
}

function table(entries: readonly ProfileEntry[]): string {
  const sums = new Map<string, { time: number; count: number }>();
  for (const { kernel, nanoseconds } of entries) {
    const sum = sums.get(kernel) ?? { time: 0, count: 0 };
    sum.time += nanoseconds;
    sum.count++;
    sums.set(kernel, sum);
  }
  const total = entries.reduce((n, { nanoseconds }) => n + nanoseconds, 0) || 1;
  return [...sums]
    .sort(([, a], [, b]) => b.time - a.time)
    .map(
      ([kernel, { time, count }]) =>
        `${(time / 1e6).toFixed(3).padStart(10)} ms ${((100 * time) / total).toFixed(1).padStart(5)} % ×${count} ${kernel}`,
    )
    .join('\n');
}
