import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { type SampleForm, type ShapesSample, sequenceOf } from '@emu-ts/data';
import type { Executor } from '@emu-ts/graph';
import { embedPrompts, languageModel } from '@emu-ts/language-model';
import type { RgbImage } from '@emu-ts/media';
import type { TensorSource } from '@emu-ts/params';
import { generateImageEmbeddings, regressionHead } from '@emu-ts/regression-head';
import { generate } from '@emu-ts/sequence';
import { queries } from '../model/config.js';
import type { Eyes } from '../model/eyes.js';
import { formatOf, smallEmu, tokenizerOf, type Variant } from '../model/model.js';

export interface ImaginationOptions extends CallOptions {
  readonly executor: Executor;
  readonly variant: Variant;
  /** Of that variant. */
  readonly source: TensorSource;
  readonly tokenizerModel: Uint8Array;
}

/** What a language model means by pictures that it is asked for. */
export interface Imagination extends AsyncDisposable {
  /** One embedding after the other, as at inference: f32 [samples queries width] of what ends each sample. */
  predict(samples: readonly ShapesSample<RgbImage>[]): Promise<HostTensor<'f32'>>;
  /** f32 [queries width]: what the empty prompt leads to. */
  readonly empty: HostTensor<'f32'>;
}

/** @param eyes what sees the pictures of prompts; stays the caller's */
export async function openImagination(eyes: Eyes, options: ImaginationOptions): Promise<Imagination> {
  const { tokenizerModel, variant, signal } = options;
  const tokenizer = tokenizerOf(tokenizerModel, variant);
  const format = formatOf(tokenizer);
  const parts = smallEmu(tokenizer.size, variant);
  const form = variant === 'base' ? 'document' : 'dialogue';
  const words = await languageModel({ ...options, model: parts.languageModel });
  const head = await regressionHead({ ...options, model: parts.regressionHead });
  const special = (token: string) => tokenizer.special.get(token) as number;
  const predict = async (rows: readonly ReturnType<typeof format.encode<RgbImage>>[]) => {
    const shown = rows.flatMap(({ images }) => images);
    const table = async () => {
      const { data } = await eyes.see(shown, { signal });
      return tensor('f32', [shown.length * queries, words.width], data);
    };
    const prompts = await embedPrompts(
      words,
      rows.map(({ ids }) => ids),
      {
        pad: special('[PAD]'),
        visual: shown.length ? { token: special('<image>'), embeddings: await table() } : undefined,
        signal,
      },
    );
    return (await generateImageEmbeddings(words, head, { prompts, queries, signal })).embeddings;
  };
  const { data } = await predict([format.encode([generate])]);
  return {
    predict: (samples) => predict(samples.map((sample) => format.encode(drawPrompt(sample, form)))),
    empty: tensor('f32', [queries, words.width], data),
    async [Symbol.asyncDispose]() {
      await head[Symbol.asyncDispose]();
      await words[Symbol.asyncDispose]();
    },
  };
}

/** What comes before the picture that ends a sample, words of the same reply included. */
export function drawPrompt(sample: ShapesSample<RgbImage>, form: SampleForm) {
  const whole = sequenceOf(sample, form);
  return [
    ...whole.slice(
      0,
      whole.findLastIndex(({ type }) => type === 'image'),
    ),
    generate,
  ];
}
