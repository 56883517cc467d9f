import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import { causalTransformer14B, t5CausalTransformer } from '@emu-ts/causal-transformer';
import {
  emuUnetConfig,
  emuVaeConfig,
  unet,
  unetParams,
  vaeDecode,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import {
  type DeviceTensor,
  type Graph,
  graphOf,
  input,
  iota,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { emu14bLlama, llamaModel } from '@emu-ts/language-model';
import { attention } from '@emu-ts/nn';
import { exportOnnx, nativeLowerings, onnx, onnxModel } from '@emu-ts/onnx';
import { flatten, type ParamTree, paramInputs } from '@emu-ts/params';
import { linearHead, linearHead14B } from '@emu-ts/regression-head';
import { alternate, type Bench, type BenchResult } from '@emu-ts/testing';
import { evaClip, evaClipG14 } from '@emu-ts/visual-encoder';
import * as ort from 'onnxruntime-node';

/**
 * Every component at its true widths and fewer layers, so that it fits two cores, beside bare onnxruntime-node in one
 * process. Twice: on the same ONNX file, which takes its large weights as inputs so that one copy serves every program;
 * and on a file with all weights inside, which the runtime lays out for itself at the price of a copy per file.
 */
interface Subject {
  readonly name: string;
  readonly rounds: number;
  readonly params: ParamTree;
  readonly graph: () => Graph;
}

const f32 = (name: string, ...shape: number[]): Value => input(name, tensorType('f32', shape));

const vision = evaClip({ ...evaClipG14, layers: 2 });
const causal = t5CausalTransformer({ ...causalTransformer14B, layers: 4 });
const llama = llamaModel({
  ...emu14bLlama,
  layers: 2,
  width: 2560,
  heads: 20,
  hiddenWidth: 6912,
  vocabSize: 8000,
});
const head = linearHead(linearHead14B);
const latents = 16;
const unetConfig = { ...emuUnetConfig, sampleSize: latents };

/** LLaMA over `t` positions at once: prefill, and with 1 or 5 rows of one position what decoding and beams cost. */
function language(b: number, t: number): Graph {
  const p = paramInputs(llama.params);
  const hidden = llama.read(p, f32('embeddings', b, t, llama.width), {
    positions: iota([b, t], 1),
    attend: (_, operands, scale) => attention(operands, { scale, causal: true }),
  });
  return graphOf({ logits: llama.logits(p, hidden) });
}

const subjects: readonly Subject[] = [
  {
    name: 'visual-encoder: 2 layers of g/14, 224 px',
    rounds: 15,
    params: vision.params,
    graph: () => graphOf({ y: vision.forward(paramInputs(vision.params), f32('pixels', 1, 3, 224, 224)) }),
  },
  {
    name: 'causal-transformer: 4 layers, 32 queries',
    rounds: 40,
    params: causal.params,
    graph: () => graphOf({ y: causal.forward(paramInputs(causal.params), f32('features', 1, 257, 1408)) }),
  },
  ...(
    [
      ['1 position', 1, 1],
      ['5 beams', 5, 1],
      ['128 positions', 1, 128],
    ] as const
  ).map(([what, b, t]) => ({
    name: `language-model: 2 layers of width 2560, ${what}`,
    rounds: t === 1 ? 40 : 15,
    params: llama.params,
    graph: () => language(b, t),
  })),
  {
    name: 'regression-head: 2 × 5120',
    rounds: 60,
    params: head.params,
    graph: () => graphOf({ y: head.forward(paramInputs(head.params), f32('hidden', 2, 5120)) }),
  },
  {
    name: 'diffusion-decoder: UNet of SD 1.5, latents 16 × 16',
    rounds: 7,
    params: unetParams(unetConfig),
    graph: () => {
      const p = paramInputs(unetParams(unetConfig));
      const inputs = {
        latents: f32('latents', 1, 4, latents, latents),
        timesteps: f32('timesteps', 1),
        context: f32('context', 1, 32, 5120),
      };
      return graphOf({ y: unet(p, inputs, unetConfig).output });
    },
  },
  {
    name: 'diffusion-decoder: VAE decoder, latents 16 × 16',
    rounds: 7,
    params: vaeParams(emuVaeConfig),
    graph: () =>
      graphOf({
        y: vaeDecode(
          paramInputs(vaeParams(emuVaeConfig)),
          f32('latents', 1, 4, latents, latents),
          emuVaeConfig,
        ),
      }),
  },
];

async function compareWithBare(
  { params, graph: trace, rounds }: Subject,
  inside: boolean,
): Promise<BenchResult> {
  const graph = trace();
  const names = new Set(flatten(params).keys());
  const types = (wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => wanted(name)));
  const host = weightsOf(types((name) => names.has(name)));
  const given = weightsOf(types((name) => !names.has(name)));
  await using executor = await onnx({ ort });
  const weights: Record<string, DeviceTensor> = {};
  for (const [name, t] of Object.entries(host)) weights[name] = await executor.upload(t);
  await using program = await executor.compile(graph, { weights });
  // What the executor embeds of itself: small weights, and those of convolutions.
  const embedded = ({ shape }: HostTensor) => inside || 4 * sizeOf(shape) <= 2 ** 16 || shape.length === 4;
  const [kept, fed] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(host).filter(([, t]) => embedded(t) === wanted)),
  );
  const session = await bareSession(graph, kept);
  const feeds = Object.fromEntries(
    Object.entries({ ...given, ...fed }).map(([name, { shape, data }]) => [
      name,
      new ort.Tensor('float32', data as Float32Array, shape),
    ]),
  );
  const ours = async () => {
    for (const result of Object.values(await program.run(given))) result.dispose();
  };
  const [value, bare] = await alternate(rounds, ours, () => session.run(feeds));
  await session.release();
  for (const weight of Object.values(weights)) weight.dispose();
  return { value, baseline: { name: 'onnxruntime-node', value: bare } };
}

async function bareSession(graph: Graph, weights: Record<string, HostTensor>): Promise<ort.InferenceSession> {
  const bytes = Object.values(weights).reduce((n, { shape }) => n + 4 * sizeOf(shape), 0);
  // Threads that spin would do so while the other is measured.
  const extra = { session: { intra_op: { allow_spinning: '0' } } };
  const options = { graphOptimizationLevel: 'all', extra } as const;
  const model = { weights, lowerings: nativeLowerings };
  if (bytes < 2 ** 30) return ort.InferenceSession.create(await onnxModel({ graph }, model), options);
  const dir = await mkdtemp(path.join(tmpdir(), 'emu-bench-'));
  try {
    const { files } = await exportOnnx({ graph }, { ...model, path: path.join(dir, 'model.onnx') });
    return await ort.InferenceSession.create(files[0], options);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Random weights of small spread: never zeros, which some machines multiply faster. */
function weightsOf(types: Record<string, TensorType>): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(types).map(([name, { shape }]) => {
      const data = new Float32Array(sizeOf(shape));
      for (let i = 0, x = 12345 + name.length; i < data.length; i++) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        data[i] = (x / 2 ** 32 - 0.5) * 0.05;
      }
      return [name, tensor('f32', shape, data)];
    }),
  );
}

export const benches: readonly Bench[] = subjects.flatMap((subject) =>
  [false, true].map((inside) => ({
    name: `emu.${subject.name}${inside ? ', beside weights inside the file' : ''}`,
    unit: 'ms',
    run: () => compareWithBare(subject, inside),
  })),
);
