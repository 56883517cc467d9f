import { convert, type HostTensor, random, tensor } from '@emu-ts/base';
import { type Graph, graphOf, input, interpret, type TensorType, tensorType } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { initialize, paramInputs, tensorSource } from '@emu-ts/params';
import { describeGpu, expectClose, nullGpu } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../llama/config.js';
import { llamaModel } from '../llama/model.js';
import { quantizeSource } from '../llama/quantize.js';
import { cacheNames, type PassShape, passGraph } from '../runtime/graphs.js';
import { languageModelKernels } from '../webgpu.js';

/**
 * Decoding steps as models write them, on the fused kernels, against the interpreter: every format of weights and cache,
 * widths and head sizes that divide by nothing, several rows, beams, and pasts of more than one stretch.
 */
const config = (over: Partial<LlamaConfig>): LlamaConfig => ({
  vocabSize: 33,
  width: 24,
  layers: 2,
  heads: 3,
  hiddenWidth: 40,
  eps: 1e-6,
  contextLength: 320,
  ropeBase: 10000,
  ropeTable: 'f32',
  initStd: 0.2,
  ...over,
});

interface Step {
  readonly name: string;
  readonly config?: Partial<LlamaConfig>;
  readonly batch?: number;
  readonly capacity?: number;
  readonly length: number;
  readonly cacheDType?: 'f32' | 'f16';
  readonly rows?: (row: number, position: number) => number;
}

const steps: readonly Step[] = [
  { name: 'the first position', length: 0 },
  { name: 'weights in halves, three stretches', config: { weights: 'f16' }, capacity: 300, length: 270 },
  { name: 'int4, halves in the cache', config: { weights: 'int4' }, length: 9, cacheDType: 'f16' },
  {
    name: 'int8, a width of 60 in heads of 10',
    config: { weights: 'int8', width: 60, heads: 6, hiddenWidth: 52 },
    batch: 2,
    length: 5,
  },
  { name: 'two rows at the end of a stretch', batch: 2, capacity: 130, length: 127 },
  { name: 'two rows behind a stretch', batch: 2, capacity: 130, length: 128 },
  {
    name: 'five beams',
    config: { weights: 'int4', width: 40, heads: 2 },
    batch: 5,
    capacity: 140,
    length: 131,
    rows: (row, p) => (row * 3 + p) % 5,
  },
  {
    name: 'low-rank updates',
    config: { lora: { r: 4, alpha: 4 }, width: 36, hiddenWidth: 22 },
    batch: 2,
    length: 6,
  },
  {
    name: 'low-rank updates of int4 that count twice, two stretches',
    config: { weights: 'int4', lora: { r: 3, alpha: 6 } },
    capacity: 140,
    length: 130,
  },
  { name: 'eight rows', config: { width: 42, heads: 3, hiddenWidth: 33 }, batch: 8, length: 3 },
];

function stepOf({ config: over = {}, batch = 1, capacity = 12, length, cacheDType = 'f32', rows }: Step) {
  const c = config({ layers: 1, ...over });
  const model = llamaModel(c);
  const shape: PassShape = {
    batch,
    capacity,
    size: 1,
    from: 'embedding',
    positions: 'last',
    scattered: rows !== undefined,
  };
  const graph = passGraph({ model, cacheDType }, shape);
  const drawn = initialize(llamaModel({ ...c, weights: 'f32' }).params, { seed: 7 });
  for (const [name, { shape }] of drawn)
    if (name.includes('lora_B')) drawn.set(name, tensor('f32', shape, random(8).normal(shape[0] * shape[1])));
  const table =
    rows &&
    Int32Array.from({ length: batch * capacity }, (_, i) => rows(Math.floor(i / capacity), i % capacity));
  const given: Record<string, HostTensor> = {
    length: tensor('i32', [], [length]),
    padding: tensor(
      'i32',
      [batch],
      Array.from({ length: batch }, (_, row) => (row % 2 ? Math.min(2, length) : 0)),
    ),
    ...(table ? { rows: tensor('i32', [batch, capacity], table) } : {}),
  };
  return {
    graph,
    model,
    drawn,
    given,
    donate: Object.fromEntries(cacheNames(model).map((name) => [name, name])),
  };
}

const draw = ({ dtype, shape }: TensorType, stream: number): HostTensor =>
  convert(tensor('f32', shape, random(1, stream).normal(shape.reduce((n, d) => n * d, 1))), dtype);

async function inputsOf({
  graph,
  model,
  drawn,
  given,
}: Pick<ReturnType<typeof stepOf>, 'graph' | 'model' | 'drawn' | 'given'>) {
  const source = quantizeSource(tensorSource(drawn), model.params);
  const entries = Object.entries(graph.inputs).map(async ([name, type], i) => {
    const weight = source.entries.has(name) ? await source.read(name) : undefined;
    return [name, given[name] ?? (weight ? convert(weight, type.dtype) : draw(type, i))] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

describeGpu('a decoding step', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
  });
  afterAll(() => gpu?.dispose());

  /** New keys that lie between two halves may round either way: results are as good as the cache is. */
  const compare = async (label: string, graph: Graph, tensors: Record<string, HostTensor>, donate = {}) => {
    const expected = interpret(graph, tensors);
    await using program = await gpu.compile(graph, { donate });
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      const dtype = Object.values(graph.outputs).some((type) => type.dtype === 'f16') ? 'f16' : 'f32';
      expectClose(`${label} ${name}`, await held.read(), expected[name], { dtype, terms: 64, depth: 8 });
    }
    return program.plan();
  };

  it.each(steps.map((step) => [step.name, step] as const))('%s', async (label, step) => {
    const built = stepOf(step);
    const plan = await compare(label, built.graph, await inputsOf(built), built.donate);
    const { weights = 'f32' } = step.config ?? {};
    const suffix = weights.startsWith('int') ? `_${weights}` : '';
    for (const op of ['attention_step', 'feed_forward_step'])
      expect(plan).toContain(`language_model.${op}${suffix} ×1 by language_model.${op}${suffix} few rows`);
  });

  it.each(['f32', 'f16', 'int8', 'int4'] as const)(
    'the last norm and the logits from %s',
    async (weights) => {
      const model = llamaModel(config({ layers: 0, weights, width: 54 }));
      const p = paramInputs(model.params);
      const hidden = input('x', tensorType('f32', [3, 54]));
      const around = { positions: hidden, attend: () => hidden };
      const graph = graphOf({ logits: model.logits(p, model.read(p, hidden, around)) });
      const drawn = initialize(llamaModel(config({ layers: 0, width: 54 })).params, { seed: 7 });
      const plan = await compare('logits', graph, await inputsOf({ graph, model, drawn, given: {} }));
      expect(plan).toMatch(
        /^language_model\.norm_linear\S* ×1 by \S+ few rows\nlanguage_model\.norm_linear\S* ×1 fuses/,
      );
    },
  );

  it('leaves more rows than eight to the kernels of nn', async () => {
    const { graph } = stepOf({ name: '', batch: 9, length: 3 });
    const plan = gpu.plan(graph);
    expect(plan).not.toMatch(/language_model\.\w+_step ×\d+ by/);
    expect(plan).toMatch(/nn\.linear\w* ×\d+ by nn\.linear\w* tiled .*9 rows > 8/);
  });
});

describe('on a device that only checks', () => {
  it('validates every format, with and without a type for halves', async () => {
    const gpu = await nullGpu();
    for (const tiers of [undefined, ['core'] as const]) {
      await using executor = await webgpu({ gpu, tiers, kernels: [...languageModelKernels, ...nnKernels] });
      for (const step of steps)
        for (const cacheDType of ['f32', 'f16'] as const) {
          const { graph, donate } = stepOf({ ...step, cacheDType });
          await using program = await executor.compile(graph, { donate });
          expect(program.plan()).toContain('fuses');
        }
    }
  });
});
