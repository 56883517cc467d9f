import { type CallOptions, EmuError, type HostTensor, ShapeError, sizeOf, tensor } from '@emu-ts/base';
import { type AnyTensor, type DeviceTensor, interpreter } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { subjectChecks } from './tensor-function.js';

/** What the subject below may do wrong. */
interface Faults {
  readonly output?: (rows: number[][]) => number[][];
  readonly dtype?: 'f64';
  readonly anyShape?: boolean;
  readonly deaf?: boolean;
  readonly immortal?: boolean;
  readonly shared?: boolean;
}

/** Gives each row of two numbers back doubled, unless told to do it wrong. */
function doubling(faults: Faults = {}) {
  const executor = interpreter();
  let disposed = false;
  let last: { data: Float32Array } | undefined;
  return {
    input: [2],
    output: [2],
    async call(x: AnyTensor, { signal }: CallOptions = {}): Promise<DeviceTensor> {
      if (disposed && !faults.immortal) throw new EmuError('DISPOSED', 'Disposed.');
      if (!faults.deaf) signal?.throwIfAborted();
      const fits = x.shape.length === 2 && x.shape[1] === 2;
      if (!fits && !faults.anyShape) throw new ShapeError(`Wanted [b, 2], got [${x.shape}].`);
      const data = Array.from((x as HostTensor).data, Number);
      const rows = Array.from({ length: sizeOf(x.shape) / 2 }, (_, i) => [
        2 * data[2 * i],
        2 * data[2 * i + 1],
      ]);
      const result = (faults.output?.(rows) ?? rows).flat();
      if (!faults.shared) return executor.upload(tensor(faults.dtype ?? 'f32', [rows.length, 2], result));
      last ??= { data: new Float32Array(64) };
      last.data.set(result);
      const { data: memory } = last;
      const dispose = () => {};
      const read = async () => tensor('f32', [rows.length, 2], memory.slice(0, result.length));
      return { dtype: 'f32', shape: [rows.length, 2], read, dispose, [Symbol.dispose]: dispose };
    },
    async dispose() {
      disposed = true;
    },
  };
}

const broken = async (faults: Faults): Promise<string[]> => {
  const names: string[] = [];
  for (const { name, run } of subjectChecks(async () => doubling(faults))) {
    await run().catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'CONFORMANCE' });
      names.push(name);
    });
  }
  return names;
};

describe('the checks of tensor functions', () => {
  it('pass what keeps its promises', async () => {
    expect(await broken({})).toEqual([]);
  });

  let calls = 0;
  it.each<[string, Faults, string]>([
    ['another dtype', { dtype: 'f64' }, 'gives f32 of the promised shape, all finite'],
    [
      'NaN',
      { output: (rows) => rows.map(() => [0, Number.NaN]) },
      'gives f32 of the promised shape, all finite',
    ],
    ['a blind function', { output: (rows) => rows.map(() => [1, 2]) }, 'tells different inputs apart'],
    [
      'rows that see each other',
      { output: (rows) => rows.map((row) => row.map((v) => v + rows.length)) },
      'looks at each element of a batch on its own',
    ],
    [
      'chance',
      { output: (rows) => rows.map((row) => row.map((v) => v + calls++)) },
      'gives the same numbers every time, also at once',
    ],
    ['one buffer for all results', { shared: true }, 'hands out results that later calls leave alone'],
    ['any shape', { anyShape: true }, 'refuses other shapes'],
    ['deafness to aborts', { deaf: true }, 'stops when aborted'],
    ['life after dispose', { immortal: true }, 'refuses work after it was disposed'],
  ])('find %s', async (_, faults, name) => {
    expect(await broken(faults)).toContain(name);
  });
});
