import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { causalTransformer } from '@emu-ts/causal-transformer';
import { drawSample, makeSample, promptOf, type ShapesOptions, type ShapesSample } from '@emu-ts/data';
import type { Executor } from '@emu-ts/graph';
import { embedPrompts, languageModel } from '@emu-ts/language-model';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import type { TensorSource } from '@emu-ts/params';
import { generateImageEmbeddings, regressionHead } from '@emu-ts/regression-head';
import { generate, imagesOf } from '@emu-ts/sequence';
import { visualEncoder } from '@emu-ts/visual-encoder';
import { queries, vision } from '../model/config.js';
import { formatOf, smallEmu, tokenizerOf } from '../model/model.js';

/** Pictures and the embeddings from which the decoder has to draw them. */
export interface Drawings {
  readonly images: readonly RgbImage[];
  /** What the language model predicted: f32 [count queries width] */
  readonly predicted: HostTensor<'f32'>;
  /** What the encoder sees in the pictures themselves: f32 [count queries width] */
  readonly seen: HostTensor<'f32'>;
  /** f32 [queries width]: what the empty prompt leads to. */
  readonly empty: HostTensor<'f32'>;
}

export interface ConditionOptions extends CallOptions {
  readonly executor: Executor;
  /** Of the pretrained model. */
  readonly weights: TensorSource;
  readonly tokenizerModel: Uint8Array;
  readonly seed: number;
  readonly count: number;
  readonly split?: ShapesOptions['split'];
}

const tasks = { 'text-to-image': 5, 'in-context': 2, blend: 2, 'describe-and-draw': 2 } as const;
const batch = 64;

/**
 * Draws samples that end in a picture and lets the pretrained model predict that picture's embeddings, one after the
 * other as at inference: the decoder is trained on what it will be given. What the encoder sees in the pictures comes
 * along: it says exactly what is where, and drawing is learnt sooner from that.
 */
export async function drawings(options: ConditionOptions): Promise<Drawings> {
  const {
    executor,
    weights: source,
    tokenizerModel,
    seed,
    count,
    split = 'train',
    signal,
    onProgress,
  } = options;
  const tokenizer = tokenizerOf(tokenizerModel, 'base');
  const format = formatOf(tokenizer);
  const parts = smallEmu(tokenizer.size, 'base');
  const call = { executor, source, signal };
  await using encoder = await visualEncoder({ ...call, model: parts.visualEncoder });
  await using connector = await causalTransformer({ ...call, model: parts.causalTransformer });
  await using words = await languageModel({ ...call, model: parts.languageModel });
  await using head = await regressionHead({ ...call, model: parts.regressionHead });
  const special = (token: string) => tokenizer.special.get(token) as number;
  const see = async (pictures: readonly RgbImage[]): Promise<HostTensor<'f32'>> => {
    // Whole batches of pictures: one program serves all.
    const padding = new Array<RgbImage>(2 * batch - pictures.length).fill(pictures[0]);
    const pixels = await preprocessBatch([...pictures, ...padding], { size: vision.imageSize });
    using features = await encoder.encode(pixels, { signal });
    using embedded = await connector.embed(features, { signal });
    const { data } = await embedded.read({ signal });
    const rows = pictures.length * queries;
    return tensor('f32', [rows, words.width], (data as Float32Array).slice(0, rows * words.width));
  };
  const predict = async (
    rows: readonly ReturnType<typeof format.encode<RgbImage>>[],
  ): Promise<Float32Array> => {
    const shown = rows.flatMap(({ images }) => images);
    const prompts = await embedPrompts(
      words,
      rows.map((row) => row.ids),
      {
        pad: special('[PAD]'),
        visual: shown.length ? { token: special('<image>'), embeddings: await see(shown) } : undefined,
        signal,
      },
    );
    return (await generateImageEmbeddings(words, head, { prompts, queries, signal })).embeddings.data;
  };
  const size = queries * words.width;
  const images: RgbImage[] = [];
  const [predicted, seen] = [0, 1].map(() => tensor('f32', [count, queries, words.width]));
  for (let from = 0; from < count; from += batch) {
    const samples = Array.from({ length: Math.min(batch, count - from) }, (_, i) =>
      drawSample(makeSample({ seed, split, tasks }, from + i), vision.imageSize),
    );
    const pictures = samples.map(pictureOf);
    images.push(...pictures);
    seen.data.set((await see(pictures)).data, from * size);
    predicted.data.set(
      await predict(samples.map((sample) => format.encode(drawPrompt(sample)))),
      from * size,
    );
    onProgress?.({ phase: 'conditions', loaded: from + samples.length, total: count });
  }
  const empty = tensor('f32', [queries, words.width], await predict([format.encode([generate])]));
  return { images, predicted, seen, empty };
}

/** What comes before the picture, words of the same reply included. */
function drawPrompt(sample: ShapesSample<RgbImage>) {
  const turn = sample.turns[sample.turns.length - 1];
  const said = turn.reply.filter(({ type }) => type === 'text');
  return [...promptOf(sample).filter(({ type }) => type !== 'generate'), ...said, generate];
}

const pictureOf = ({ turns }: ShapesSample<RgbImage>): RgbImage => {
  const drawn = imagesOf(turns[turns.length - 1].reply);
  return drawn[drawn.length - 1];
};
