import { readFile } from 'node:fs/promises';
import { convert, type HostTensor, random } from '@emu-ts/base';
import { encodeSafetensors } from '@emu-ts/checkpoint';
import { decodeImage, encodePng, type RgbImage } from '@emu-ts/media';
import { readModel } from '../../packages/tokenizer/src/model.js';
import { writeCheckpoint } from './checkpoint.js';
import { pipelineGoldens, safetyGoldens, schedulerGoldens, unetGoldens, vaeGoldens } from './diffusion.js';
import { encoderGoldens } from './encoder.js';
import { keepPieces, write, writeJson } from './files.js';
import { languageGoldens } from './language.js';
import { readRecipe } from './model.js';
import type { Recipe } from './recipe.js';
import { samplingGoldens } from './sampling.js';
import { trainingGoldens } from './training.js';
import { drawWeights, type Tensors } from './weights.js';

const fixtures = new URL('../../fixtures/goldens/', import.meta.url);

/** Makes a whole goldens folder: a drawn model of the recipe's sizes, and everything our own code computes with it. */
export async function makeGoldens(
  recipe: Recipe,
  folder: string,
  say: (what: string) => void = () => {},
): Promise<void> {
  const tokenizerModel = cutTokenizer(
    await readFile(new URL('checkpoint/tokenizer.model', fixtures)),
    recipe.pieces,
  );
  const model = readRecipe(recipe, tokenizerModel);
  const weights = drawWeights(model);
  await writeCheckpoint(folder, recipe, weights, tokenizerModel);
  const images = await Promise.all(recipe.images.map((image, i) => picture(image, recipe.seed + i)));
  for (const [i, image] of images.entries()) await write(folder, `images/${i}.png`, await encodePng(image));

  say('pictures to image embeddings');
  const seen = await encoderGoldens(model, weights.pretrained, images);
  say('training');
  const training = trainingGoldens(model, weights, seen.get('preprocess.pixels') as HostTensor);
  say('text generation');
  const language = await languageGoldens(
    model,
    weights.pretrained,
    single(seen.get('cformer.output') as HostTensor),
  );
  say('image decoding');
  const pipelines = await pipelineGoldens(model, weights, language.conditions);
  const activations: Tensors = new Map([
    ...seen,
    ...training.activations,
    ...language.activations,
    ...samplingGoldens(recipe),
    ...unetGoldens(model, weights.unet),
    ...vaeGoldens(model, weights.vae),
    ...schedulerGoldens(model),
    ...pipelines.activations,
    ...(await safetyGoldens(model, weights.safety, images)),
  ]);

  await writeTensors(folder, 'activations', activations);
  await writeTensors(folder, 'grads', training.grads);
  await writeTensors(folder, 'instruct_activations', training.instruct);
  for (const [name, png] of pipelines.pictures) await write(folder, name, png);
  await writeJson(folder, 'config.json', { seed: recipe.seed, ...recipe.config });
  await writeJson(folder, 'generation.json', language.generation);
  await writeJson(folder, 'pipeline.json', recipe.pipelines);
  const cases = recipe.texts.map((text) => {
    const ids = model.tokenizer.encode(text);
    return { text, ids, decoded: model.tokenizer.decode(ids) };
  });
  await writeJson(folder, 'tokenizer.json', cases);
  await write(folder, 'README.md', readme);
}

const readme = `# Goldens of our own

Made by \`scripts/make-goldens.ts\`: a drawn model of odd sizes, and what this project's own code computes with it on its f64
interpreter. They show that nothing fits one model size only. They do NOT show that a number is right: for that there are
the reference implementation's goldens.
`;

const writeTensors = (folder: string, name: string, tensors: Tensors): Promise<void> => {
  const stored = new Map([...tensors].map(([key, t]) => [key, single(t)]));
  return write(folder, `${name}.safetensors`, encodeSafetensors(stored));
};

/** The goldens are f32. */
const single = (t: HostTensor): HostTensor => (t.dtype === 'f64' ? convert(t, 'f32') : t);

/** Characters and bytes stay, and of the merges the first that fit. */
function cutTokenizer(bytes: Uint8Array, pieces: number): Uint8Array {
  const { pieces: all } = readModel(bytes);
  const kept = all.flatMap(({ piece, type }, i) => (type !== 1 || [...piece].length === 1 ? [i] : []));
  const merges = all.flatMap((_, i) => (kept.includes(i) ? [] : [i]));
  const wanted = new Set([...kept, ...merges.slice(0, pieces - kept.length)]);
  if (wanted.size !== pieces)
    throw new Error(`The tokenizer can have ${kept.length} to ${all.length} pieces.`);
  return keepPieces(bytes, (piece) => wanted.has(piece));
}

/** A picture of the fixtures, or drawn ones: a gradient, a disc and noise. */
async function picture(image: Recipe['images'][number], seed: number): Promise<RgbImage> {
  if (typeof image === 'number') return decodeImage(await readFile(new URL(`images/${image}.png`, fixtures)));
  const [width, height] = image;
  const noise = random(seed, 7).uniform(width * height * 3);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    const inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (Math.min(width, height) / 3) ** 2;
    return Math.floor(
      64 * noise[i] + (inside ? 90 * ((seed + channel) % 3) : (150 * (x + y)) / (width + height)),
    );
  });
  return { width, height, data };
}
