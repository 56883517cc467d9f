import { type HostTensor, tensor } from '@emu-ts/base';
import type { LanguageModel, RegressionHead } from '@emu-ts/contracts';
import { type Executor, isDeviceTensor, type TensorType } from '@emu-ts/graph';
import { embedPrompts, generate, languageModel, llamaModel, type WeightDType } from '@emu-ts/language-model';
import { flatten, type ParamTree, type TensorSource } from '@emu-ts/params';
import {
  generateImageEmbeddings,
  type ImagePrompts,
  linearHead,
  regressionHead,
} from '@emu-ts/regression-head';
import { llamaConfig } from './components.js';
import { drawTensor } from './graphs.js';
import { median } from './measure.js';

/** B9 and B10: the loops of generation, with everything that the host does between two tokens. */
const tokens = { begin: 1, end: 2, pad: 0 };

/** Weights of the right shapes and no meaning, drawn when asked for. Norms are near one. */
function drawnSource(tree: ParamTree, prefix = ''): TensorSource {
  const entries = new Map<string, TensorType>(flatten(tree, prefix));
  return {
    entries,
    async read(name): Promise<HostTensor> {
      const type = entries.get(name) as TensorType;
      const drawn = drawTensor(type, name.length);
      if (type.shape.length > 1 || type.dtype !== 'f32') return drawn;
      return tensor(
        'f32',
        type.shape,
        (drawn.data as Float32Array).map((x) => 1 + x),
      );
    },
  };
}

const ids = (length: number, vocabSize: number): number[] =>
  Array.from({ length }, (_, i) => (i ? 3 + ((i * 7919) % (vocabSize - 8)) : tokens.begin));

/** Milliseconds per token, from the difference of a long and a short answer: the prompt is read in both. */
export async function decodeTime(
  executor: Executor,
  full: boolean,
  stored: WeightDType,
  beams: number,
): Promise<{ perToken: number; layers: number }> {
  const config = llamaConfig(full, stored);
  const model = llamaModel(config);
  await using lm = await languageModel({ executor, model, source: drawnSource(model.params) });
  const prompt = await embedPrompts(lm, [ids(full ? 512 : 32, config.vocabSize)], { pad: tokens.pad });
  const [few, many] = full ? [16, 80] : [2, 6];
  const timed = (maxNewTokens: number) =>
    median(() => generate(lm, prompt, { tokens, beams, maxNewTokens, minNewTokens: maxNewTokens }));
  const perToken = ((await timed(many)) - (await timed(few))) / (many - few);
  return { perToken, layers: config.layers };
}

/** The embeddings of one picture, with guidance, for a prompt of 40. */
export async function embeddingLoop(
  executor: Executor,
  full: boolean,
): Promise<{ wall: number; uncached: number; layers: number; queries: number }> {
  const config = llamaConfig(full, 'int4');
  const [model, linear] = [llamaModel(config), linearHead({ width: config.width })];
  await using lm = await languageModel({ executor, model, source: drawnSource(model.params) });
  await using head = await regressionHead({ executor, model: linear, source: drawnSource(linear.params) });
  const prompts = await embedPrompts(lm, [ids(40, config.vocabSize), ids(2, config.vocabSize)], {
    pad: tokens.pad,
  });
  const queries = full ? 32 : 4;
  const wall = await median(() => generateImageEmbeddings(lm, head, { prompts, queries }));
  const uncached = await median(() => withoutCache(lm, head, prompts, queries));
  return { wall, uncached, layers: config.layers, queries };
}

/** The reference's loop: every embedding by a pass over the prompts and all embeddings before it. */
async function withoutCache(
  model: LanguageModel,
  head: RegressionHead,
  { embeddings, padding }: ImagePrompts,
  queries: number,
): Promise<void> {
  const prompt = isDeviceTensor(embeddings) ? await embeddings.read() : embeddings;
  const [batch, length, width] = prompt.shape;
  let rows = prompt.data as Float32Array;
  for (let t = length; t < length + queries; t++) {
    using session = await model.open({ batch, capacity: t });
    const hidden = await session.prefill(tensor('f32', [batch, t, width], rows), { padding });
    using predicted = await head.predict(hidden);
    if (isDeviceTensor(hidden)) hidden.dispose();
    const next = (await predicted.read()).data as Float32Array;
    const longer = new Float32Array(batch * (t + 1) * width);
    for (let row = 0; row < batch; row++) {
      longer.set(rows.subarray(row * t * width, (row + 1) * t * width), row * (t + 1) * width);
      longer.set(next.subarray(row * width, (row + 1) * width), (row * (t + 1) + t) * width);
    }
    rows = longer;
  }
}
