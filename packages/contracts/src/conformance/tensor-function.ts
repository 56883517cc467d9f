import { type CallOptions, type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';
import { type ConformanceCheck, expectRejection, expectThat } from './check.js';

/** What the image encoder and the causal transformer have in common: one batch of tensors in, one out. */
interface Subject {
  /** Shape of one element of the batch. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  call(x: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;
  dispose(): Promise<void>;
}

/**
 * Two results of the same numbers in batches of different size may differ by rounding. √u of f32 is far above any
 * sum's rounding and far below the difference between two pictures.
 */
const alike = 2 ** -12;

/** Each check makes a subject of its own and disposes it. */
export function subjectChecks(create: () => Promise<Subject>): ConformanceCheck[] {
  const check = (name: string, body: (subject: Subject) => Promise<void>) => ({
    name,
    async run() {
      const subject = await create();
      try {
        await body(subject);
      } finally {
        await subject.dispose();
      }
    },
  });
  const batch = ({ input }: Subject, size: number, seed = 1): HostTensor => {
    const data = random(seed).normal(size * sizeOf(input));
    return tensor('f32', [size, ...input], data);
  };
  const read = async (subject: Subject, x: AnyTensor): Promise<HostTensor> => {
    using y = await subject.call(x);
    return await y.read();
  };

  return [
    check('gives f32 of the promised shape, all finite', async (subject) => {
      for (const size of [1, 3]) {
        const y = await read(subject, batch(subject, size));
        const wanted = [size, ...subject.output];
        expectThat(y.dtype === 'f32', () => `The result must be f32, got ${y.dtype}.`);
        expectThat(
          y.shape.join() === wanted.join(),
          () => `The result must be [${wanted}], got [${y.shape}].`,
        );
        expectThat(toF64(y).every(Number.isFinite), () => 'The result holds numbers that are not finite.');
      }
    }),
    check('looks at each element of a batch on its own', async (subject) => {
      const all = batch(subject, 2);
      const together = toF64(await read(subject, all));
      const length = sizeOf(subject.input);
      const largest = together.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      for (const i of [0, 1]) {
        const data = (all.data as Float32Array).slice(i * length, (i + 1) * length);
        const alone = toF64(await read(subject, tensor('f32', [1, ...subject.input], data)));
        const gap = alone.reduce((m, v, j) => Math.max(m, Math.abs(v - together[i * alone.length + j])), 0);
        expectThat(gap <= alike * largest, () => `Element ${i} differs by ${gap} when it is alone.`);
      }
    }),
    check('tells different inputs apart', async (subject) => {
      const [a, b] = [
        await read(subject, batch(subject, 1, 1)),
        await read(subject, batch(subject, 1, 2)),
      ].map(toF64);
      expectThat(
        a.some((v, i) => v !== b[i]),
        () => 'Two different inputs gave the same result.',
      );
    }),
    check('gives the same numbers every time, also at once', async (subject) => {
      const x = batch(subject, 1);
      const [a, b] = (await Promise.all([read(subject, x), read(subject, x)])).map(toF64);
      expectThat(
        a.every((v, i) => v === b[i]),
        () => 'The same input gave two results.',
      );
    }),
    check('hands out results that later calls leave alone', async (subject) => {
      using first = await subject.call(batch(subject, 1, 1));
      const before = toF64(await first.read()).slice();
      await read(subject, batch(subject, 1, 2));
      const after = toF64(await first.read());
      expectThat(
        after.every((v, i) => v === before[i]),
        () => 'A later call changed an earlier result.',
      );
    }),
    check('refuses other shapes', async (subject) => {
      const wider = tensor('f32', [
        1,
        ...subject.input.slice(0, -1),
        subject.input[subject.input.length - 1] + 1,
      ]);
      await expectRejection(`[${wider.shape}]`, 'SHAPE', () => subject.call(wider));
      const flat = tensor('f32', [sizeOf(subject.input)]);
      await expectRejection(`[${flat.shape}]`, 'SHAPE', () => subject.call(flat));
    }),
    check('stops when aborted', async (subject) => {
      const signal = AbortSignal.abort();
      await expectRejection('An aborted call', 'AbortError', () =>
        subject.call(batch(subject, 1), { signal }),
      );
      await read(subject, batch(subject, 1));
    }),
    check('refuses work after it was disposed', async (subject) => {
      await subject.dispose();
      await expectRejection('A call after dispose', 'DISPOSED', () => subject.call(batch(subject, 1)));
    }),
  ];
}
