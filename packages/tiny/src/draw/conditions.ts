import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { Draws, drawSample, makeSample, promptOf, type ShapesOptions, type ShapesSample } from '@emu-ts/data';
import type { Executor } from '@emu-ts/graph';
import { embedPrompts, languageModel } from '@emu-ts/language-model';
import type { RgbImage } from '@emu-ts/media';
import type { TensorSource } from '@emu-ts/params';
import { generateImageEmbeddings, regressionHead } from '@emu-ts/regression-head';
import { generate, imagesOf } from '@emu-ts/sequence';
import { queries, vision } from '../model/config.js';
import { openEyes } from '../model/eyes.js';
import { formatOf, smallEmu, tokenizerOf } from '../model/model.js';
import { withoutColour } from '../see/colourless.js';

/** Pictures and the embeddings from which the decoder has to draw them. */
export interface Drawings {
  readonly images: readonly RgbImage[];
  /** What the language model predicted: f32 [count queries width], or of nothing where it was not asked */
  readonly predicted: HostTensor<'f32'>;
  /** What the encoder sees in the pictures themselves: f32 [count queries width] */
  readonly seen: HostTensor<'f32'>;
  /** 1 for a picture without colour, which no words ask for: what is predicted for it is not of it. [count] */
  readonly grey: Uint8Array;
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
  /** Share of pictures without colour. Default none. */
  readonly grey?: number | undefined;
  /** Whether the language model predicts too. Default true. */
  readonly predict?: boolean | undefined;
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
    grey: greyShare = 0,
    predict: predicting = true,
    signal,
    onProgress,
  } = options;
  const tokenizer = tokenizerOf(tokenizerModel, 'base');
  const format = formatOf(tokenizer);
  const parts = smallEmu(tokenizer.size, 'base');
  const call = { executor, source, signal };
  await using eyes = await openEyes(parts, call);
  await using words = await languageModel({ ...call, model: parts.languageModel });
  await using head = await regressionHead({ ...call, model: parts.regressionHead });
  const special = (token: string) => tokenizer.special.get(token) as number;
  /** Embeddings as rows of one table. */
  const seen = async (pictures: readonly RgbImage[]): Promise<HostTensor<'f32'>> => {
    const { data } = await eyes.see(pictures, { signal });
    return tensor('f32', [pictures.length * queries, words.width], data);
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
        visual: shown.length ? { token: special('<image>'), embeddings: await seen(shown) } : undefined,
        signal,
      },
    );
    return (await generateImageEmbeddings(words, head, { prompts, queries, signal })).embeddings.data;
  };
  const size = queries * words.width;
  const images: RgbImage[] = [];
  const grey = new Uint8Array(count);
  const [predicted, shown] = [predicting ? count : 0, count].map((n) =>
    tensor('f32', [n, queries, words.width]),
  );
  for (let from = 0; from < count; from += batch) {
    const samples = Array.from({ length: Math.min(batch, count - from) }, (_, i) =>
      drawSample(makeSample({ seed, split, tasks }, from + i), vision.imageSize),
    );
    const pictures = samples.map((sample, i) => {
      const draws = new Draws(seed, from + i, purpose);
      if (!draws.chance(greyShare)) return pictureOf(sample);
      grey[from + i] = 1;
      return withoutColour(pictureOf(sample), draws);
    });
    images.push(...pictures);
    shown.data.set((await eyes.see(pictures, { signal })).data, from * size);
    if (predicting) {
      const prompts = samples.map((sample) => format.encode(drawPrompt(sample)));
      predicted.data.set(await predict(prompts), from * size);
    }
    onProgress?.({ phase: 'conditions', loaded: from + samples.length, total: count });
  }
  const empty = tensor('f32', [queries, words.width], await predict([format.encode([generate])]));
  return { images, predicted, seen: shown, grey, empty };
}

const purpose = 0x67726579;

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
