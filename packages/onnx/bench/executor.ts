import { type HostTensor, tensor } from '@emu-ts/base';
import {
  add,
  type DeviceTensor,
  type Graph,
  graphOf,
  input,
  mul,
  tensorType,
  updateSlice,
  type Value,
} from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import type { Bench, BenchResult } from '@emu-ts/testing';
import { randomInputs } from '@emu-ts/testing';
import * as ort from 'onnxruntime-node';
import { embeddedConv2d, nativeLowerings, type OnnxOptions, onnx, onnxModel } from '../src/index.js';

/**
 * What this executor costs beside ONNX Runtime itself: the same graph exported as an ONNX file, weights inside, and
 * run by bare onnxruntime-node in this process. Runs alternate, and medians are compared.
 */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const weight = (name: string, ...shape: number[]) => input(name, f32(...shape));

interface Subject {
  readonly name: string;
  readonly rounds: number;
  readonly graph: () => Graph;
  /** Everything else is a weight. */
  readonly inputs: readonly string[];
  readonly options?: OnnxOptions;
}

const linear = (x: Value, name: string, n: number, k: number): Value =>
  nn.linearOp({ x, weight: weight(`${name}.weight`, n, k), bias: weight(`${name}.bias`, n) }, {}).y;

const layerNorm = (x: Value, name: string, d: number): Value =>
  nn.layerNormOp({ x, weight: weight(`${name}.weight`, d), bias: weight(`${name}.bias`, d) }, { eps: 1e-6 })
    .y;

/** One block of EVA-CLIP: 257 tokens of width 1408, 16 heads, MLP 6144. */
function visionBlock(): Graph {
  const [d, heads, inner] = [1408, 16, 6144];
  const x = input('x', f32(1, 257, d));
  const h = layerNorm(x, 'norm1', d);
  const head = (name: string) => nn.splitHeads(linear(h, name, d, d), heads);
  const attended = nn.attention({ q: head('q'), k: head('k'), v: head('v') }, { scale: 88 ** -0.5 });
  const y = add(x, linear(nn.mergeHeads(attended), 'proj', d, d));
  const mlp = linear(nn.gelu(linear(layerNorm(y, 'norm2', d), 'fc1', inner, d)), 'fc2', d, inner);
  return graphOf({ y: add(y, mlp) });
}

/** The MLP of a LLaMA block, of width 2560, for a few positions or beams. */
function languageMlp(rows: number): Graph {
  const [d, inner] = [2560, 6912];
  const x = input('x', f32(rows, d));
  const h = nn.rmsNormOp({ x, weight: weight('norm', d) }, { eps: 1e-6 }).y;
  const gated = mul(nn.silu(linear(h, 'gate', inner, d)), linear(h, 'up', inner, d));
  return graphOf({ y: add(x, linear(gated, 'down', d, inner)) });
}

/** A ResNet block of a UNet: 320 channels at 32 × 32, two images. */
function resnetBlock(): Graph {
  const c = 320;
  const x = input('x', f32(2, c, 32, 32));
  const step = (h: Value, i: number) => {
    const params = { weight: weight(`norm${i}.weight`, c), bias: weight(`norm${i}.bias`, c) };
    const normal = nn.groupNormOp({ x: h, ...params }, { groups: 32, eps: 1e-5 }).y;
    const kernel = { weight: weight(`conv${i}.weight`, c, c, 3, 3), bias: weight(`conv${i}.bias`, c) };
    return nn.conv2d(kernel, nn.silu(normal), { padding: 1 });
  };
  return graphOf({ y: add(x, step(step(x, 1), 2)) });
}

/** So little work that only the way there and back counts. */
function tiny(): Graph {
  const x = input('x', f32(1, 60));
  return graphOf({ y: linear(nn.gelu(linear(x, 'up', 120, 60)), 'down', 60, 120) });
}

const subjects: readonly Subject[] = [
  { name: 'vision block, 257 × 1408', rounds: 25, graph: visionBlock, inputs: ['x'] },
  { name: 'LLaMA MLP, 1 × 2560', rounds: 60, graph: () => languageMlp(1), inputs: ['x'] },
  { name: 'LLaMA MLP, 5 × 2560', rounds: 60, graph: () => languageMlp(5), inputs: ['x'] },
  { name: 'LLaMA MLP, 128 × 2560', rounds: 25, graph: () => languageMlp(128), inputs: ['x'] },
  { name: 'ResNet block, 2 × 320 × 32 × 32', rounds: 40, graph: resnetBlock, inputs: ['x'] },
  {
    name: 'ResNet block, shared weights',
    rounds: 40,
    graph: resnetBlock,
    inputs: ['x'],
    options: { lowerings: nativeLowerings.filter((lowering) => lowering !== embeddedConv2d) },
  },
  { name: 'two small layers, 1 × 60', rounds: 2000, graph: tiny, inputs: ['x'] },
];

async function compareWithBare({ graph: trace, inputs, rounds, options }: Subject): Promise<BenchResult> {
  const graph = trace();
  const tensors = randomInputs(graph.inputs);
  const isWeight = (name: string) => !inputs.includes(name);
  const pick = (wanted: (name: string) => boolean): Record<string, HostTensor> =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => wanted(name)));
  await using executor = await onnx({ ort, ...options });
  const weights: Record<string, DeviceTensor> = {};
  for (const [name, t] of Object.entries(pick(isWeight))) weights[name] = await executor.upload(t);
  await using program = await executor.compile(graph, { weights });
  const given = pick((name) => !isWeight(name));
  const file = await onnxModel({ graph }, { weights: pick(isWeight) });
  // Threads that spin would do so while the other is measured.
  const extra = { session: { intra_op: { allow_spinning: '0' } } };
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'all', extra });
  const feeds = Object.fromEntries(
    Object.entries(given).map(([name, { shape, data }]) => [
      name,
      new ort.Tensor('float32', data as Float32Array, shape),
    ]),
  );
  const ours = async () => {
    for (const result of Object.values(await program.run(given))) result.dispose();
  };
  const bare = async () => {
    await session.run(feeds);
  };
  const [value, baseline] = await alternate(rounds, ours, bare);
  await session.release();
  return { value, baseline: { name: 'onnxruntime-node', value: baseline } };
}

/** Medians in milliseconds of two things done in turns, first one then the other leading. */
async function alternate(
  rounds: number,
  a: () => Promise<void>,
  b: () => Promise<void>,
): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  const timed = async (which: 0 | 1) => {
    const start = performance.now();
    await (which ? b : a)();
    times[which].push(performance.now() - start);
  };
  for (let i = 0; i < 3; i++) for (const run of [a, b]) await run();
  for (let i = 0; i < rounds; i++)
    for (const which of i % 2 ? ([1, 0] as const) : ([0, 1] as const)) await timed(which);
  return [median(times[0]), median(times[1])];
}

const median = (values: readonly number[]): number => [...values].sort((x, y) => x - y)[values.length >> 1];

/** One step of a cache of 2 × 8 × 2048 × 64 that hands out what it adds, beside one that hands out the whole. */
async function cacheStep(): Promise<BenchResult> {
  const type = f32(2, 8, 2048, 64);
  const row = f32(2, 8, 1, 64);
  const graph = graphOf({
    next: updateSlice(input('cache', type), input('row', row), input('at', tensorType('i32', [])), 2),
  });
  await using executor = await onnx({ ort });
  await using donating = await executor.compile(graph, { donate: { cache: 'next' } });
  await using plain = await executor.compile(graph);
  const given = { row: tensor('f32', row.shape), at: tensor('i32', [], [7]) };
  let cache: DeviceTensor = await executor.upload(tensor('f32', type.shape));
  const inPlace = async () => {
    cache = (await donating.run({ ...given, cache })).next;
  };
  const whole = async () => {
    (await plain.run({ ...given, cache })).next.dispose();
  };
  const [value, baseline] = await alternate(50, inPlace, whole);
  return { value, baseline: { name: 'handing out the whole cache', value: baseline } };
}

export const benches: readonly Bench[] = [
  ...subjects.map((subject) => ({
    name: `onnx.${subject.name}`,
    unit: 'ms',
    run: () => compareWithBare(subject),
  })),
  { name: 'onnx.cache step, 8 MiB', unit: 'ms', run: cacheStep },
];
