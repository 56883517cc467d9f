import { type HostTensor, random, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeGpu, nullGpu } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GenerateOptions, settingsOf } from '../generate/options.js';
import { SamplingSearch } from '../generate/sampling-search.js';
import { languageModelKernels } from '../webgpu.js';
import { type SampleAttrs, sampleOp } from './op.js';

/** Tokens chosen on the GPU are those that the host chooses, from the numbers that the host draws. */
const all: SampleAttrs = { temperature: 1, topK: 0, topP: 1, ends: [], until: 0 };
const ways: readonly (readonly [string, Partial<SampleAttrs> & { readonly greedy?: boolean }])[] = [
  ['greedy', { greedy: true }],
  ['greedy, no end yet', { greedy: true, ends: [3, 5], until: 9 }],
  ['any token', {}],
  ['warm', { temperature: 1.7 }],
  ['the best seven', { topK: 7, temperature: 0.7 }],
  ['a nucleus', { topP: 0.6 }],
  [
    'a nucleus of the best twenty, no end yet',
    { topK: 20, topP: 0.9, temperature: 1.2, ends: [2], until: 4 },
  ],
  ['the best one', { topK: 1 }],
  ['hardly any probability', { topP: 1e-3 }],
];

/** Logits of four rows, with equals among them. */
const drawLogits = (v: number): HostTensor<'f32'> => {
  const numbers = random(5, v).normal(4 * v);
  return tensor(
    'f32',
    [4, v],
    Float32Array.from(numbers, (x) => Math.round(x * 64) / 16),
  );
};

const begin = 0;
const seed = 11;
const steps = 6;
const uniform = (rows: number) =>
  Float32Array.from(
    { length: rows * steps },
    (_, i) => random(seed, Math.floor(i / steps)).uniform(1, i % steps)[0],
  );

/** What the host would take at `step`: its search, brought there by rows that hold as many tokens. */
function onHost(logits: HostTensor<'f32'>, way: (typeof ways)[number][1], step: number): number[] {
  const { greedy, temperature, topK, topP, ends = [], until = 0 } = way;
  const [rows, v] = logits.shape;
  const options: GenerateOptions = {
    tokens: { begin, end: ends.length ? ends : -1, pad: 0 },
    maxNewTokens: steps,
    minLength: until + 1,
    ...(greedy ? {} : { sampling: { temperature, topK, topP, seed } }),
  };
  const search = new SamplingSearch(rows, settingsOf(options));
  for (let i = 0; i < step; i++) search.accept(new Array<number>(rows).fill(1));
  const { events, next } = search.advance((row) => logits.data.subarray(row * v, (row + 1) * v));
  return next
    ? [...next]
    : events.flatMap((event) =>
        event.type === 'finish' ? [event.generated.ids[event.generated.ids.length - 1]] : [],
      );
}

const graphFor = (v: number, { greedy, ...attrs }: (typeof ways)[number][1]) =>
  graphOf({
    token: sampleOp(
      {
        logits: input('logits', tensorType('f32', [4, v])),
        step: input('step', tensorType('i32', [])),
        ...(greedy ? {} : { drawn: input('drawn', tensorType('f32', [4, steps])) }),
      },
      { ...all, ...attrs },
    ).token,
  });

describeGpu('sampling', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: languageModelKernels });
  });
  afterAll(() => gpu?.dispose());

  it.each(ways)('%s', async (_, way) => {
    for (const v of [37, 1300]) {
      const logits = drawLogits(v);
      const graph = graphFor(v, way);
      await using program = await gpu.compile(graph);
      expect(program.dispatches).toBe(1);
      for (const step of [0, 2, 5]) {
        const numbers = way.greedy ? {} : { drawn: tensor('f32', [4, steps], uniform(4)) };
        const inputs = { logits, step: tensor('i32', [], [step]), ...numbers };
        using token = (await program.run(inputs)).token;
        const tokens = [...(await token.read()).data];
        expect(tokens).toEqual(onHost(logits, way, step));
        if (v < 100) expect(tokens).toEqual([...interpret(graph, inputs).token.data]);
      }
    }
  });
});

describeGpu('sampling of equals', () => {
  it('takes both zeros for one number', async () => {
    await using gpu = await webgpu({ kernels: languageModelKernels });
    const way = { topK: 1 };
    const logits = tensor('f32', [4, 3], [-0, 0, -1, 0, -0, -1, -1, -0, 0, -1, 0, -0]);
    const drawn = tensor('f32', [4, steps], new Array(4 * steps).fill(0));
    const inputs = { logits, step: tensor('i32', [], [0]), drawn };
    const graph = graphFor(3, way);
    await using program = await gpu.compile(graph);
    using token = (await program.run(inputs)).token;
    expect([...(await token.read()).data]).toEqual([0, 0, 1, 1]);
    expect([...interpret(graph, inputs).token.data]).toEqual([0, 0, 1, 1]);
  });
});

it('validates for a real vocabulary', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels: languageModelKernels });
  for (const [, way] of ways) {
    await using program = await executor.compile(graphFor(32006, way));
    expect(program.dispatches).toBe(1);
  }
});
