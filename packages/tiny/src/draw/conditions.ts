import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { Draws, drawSample, drawScene, makeSample, type Scene, type ShapesSample } from '@emu-ts/data';
import type { Executor } from '@emu-ts/graph';
import type { RgbImage } from '@emu-ts/media';
import type { TensorSource } from '@emu-ts/params';
import { imagesOf } from '@emu-ts/sequence';
import { connector, queries, vision } from '../model/config.js';
import { openEyes } from '../model/eyes.js';
import { smallEmu, type Variant } from '../model/model.js';
import { inNamelessColours, withoutColour } from '../see/colourless.js';
import { type Imagination, openImagination } from './imagination.js';

/** Pictures and the embeddings from which the decoder has to draw them. */
export interface Drawings {
  readonly images: readonly RgbImage[];
  /** What the encoder sees in the pictures themselves: f32 [count queries width] */
  readonly seen: HostTensor<'f32'>;
  /** What language models predicted: f32 [count queries width], or of nothing where none was asked. */
  readonly predicted: HostTensor<'f32'>;
  /** 1 where nothing was predicted that is of the picture: for those in colours that no words ask for. [count] */
  readonly onlySeen: Uint8Array;
  /** f32 [queries width] of every language model, or of none: what stands for no condition. */
  readonly empty: readonly HostTensor<'f32'>[];
}

export interface ConditionOptions extends CallOptions {
  readonly executor: Executor;
  /** Of encoder and causal transformer. */
  readonly weights: TensorSource;
  /** Of language models that predict in turns, a batch each. Absent: nothing is predicted. */
  readonly languageModels?: Readonly<Record<Variant, TensorSource>> | undefined;
  readonly tokenizerModel: Uint8Array;
  readonly seed: number;
  readonly count: number;
  /** Share of pictures in grey or in colours without a name: what shapes look like, whatever their colour. */
  readonly grey: number;
}

const tasks = { 'text-to-image': 5, 'in-context': 2, blend: 2, 'describe-and-draw': 2 } as const;
const batch = 64;

/**
 * Draws samples that end in a picture and lets language models predict that picture's embeddings, one after the other
 * as at inference: the decoder is trained on what it will be given. What the encoder sees in the pictures comes along:
 * it says exactly what is where, and drawing is learnt sooner from that.
 */
export async function drawings(options: ConditionOptions): Promise<Drawings> {
  const { executor, weights: source, tokenizerModel, seed, count, signal, onProgress } = options;
  // Neither encoder nor causal transformer depends on how many words there are.
  await using eyes = await openEyes(smallEmu(1, 'base'), { executor, source, signal });
  const { languageModels } = options;
  const imagining = (variant: Variant, source: TensorSource): Promise<Imagination> =>
    openImagination(eyes, { executor, variant, source, tokenizerModel, signal });
  await using base = languageModels && (await imagining('base', languageModels.base));
  await using tuned = languageModels && (await imagining('instruct', languageModels.instruct));
  const imaginations = base && tuned ? [base, tuned] : [];
  const [seen, predicted] = [count, imaginations.length && count].map((n) =>
    tensor('f32', [n, queries, connector.outputWidth]),
  );
  const size = queries * connector.outputWidth;
  const images: RgbImage[] = [];
  const onlySeen = new Uint8Array(count);
  for (let from = 0; from < count; from += batch) {
    const samples = Array.from({ length: Math.min(batch, count - from) }, (_, i) =>
      makeSample({ seed, split: 'train', tasks }, from + i),
    );
    const pictures = samples.map((sample, i) => {
      const draws = new Draws(seed, from + i, purpose);
      const scene = last(sample);
      if (!draws.chance(options.grey)) return drawScene(scene, vision.imageSize);
      onlySeen[from + i] = 1;
      return draws.chance(0.5)
        ? drawScene(inNamelessColours(scene, draws), vision.imageSize)
        : withoutColour(drawScene(scene, vision.imageSize), draws);
    });
    images.push(...pictures);
    seen.data.set((await eyes.see(pictures, { signal })).data, from * size);
    if (imaginations.length) {
      const drawn = samples.map((sample) => drawSample(sample, vision.imageSize));
      const imagination = imaginations[(from / batch) % imaginations.length];
      predicted.data.set((await imagination.predict(drawn)).data, from * size);
    }
    onProgress?.({ phase: 'conditions', loaded: from + samples.length, total: count });
  }
  const empty = imaginations.length ? imaginations.map((imagination) => imagination.empty) : [meanOf(seen)];
  return { images, seen, predicted, onlySeen, empty };
}

const purpose = 0x67726579;

/** The picture that a sample asks for. */
const last = ({ turns }: ShapesSample<Scene>): Scene => {
  const drawn = imagesOf(turns[turns.length - 1].reply);
  return drawn[drawn.length - 1];
};

/** What nothing is known of: the language model, asked for no picture in particular, says the same. */
function meanOf({ shape: [count, ...shape], data }: HostTensor<'f32'>): HostTensor<'f32'> {
  const mean = tensor('f32', shape);
  const size = mean.data.length;
  for (let i = 0; i < data.length; i++) mean.data[i % size] += data[i] / count;
  return mean;
}
