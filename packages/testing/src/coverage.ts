import { goldenCases } from './cases.js';
import type { Goldens } from './goldens.js';

/** Golden tensors that results are computed from; everything else is a result. */
const given =
  /^(train\.pixels|unet\.(latents|context|timesteps)|vae\.(latents|image)|scheduler\.init|sampling\.(logits|history)|pipeline\..*\.latents)$/;

/**
 * What a goldens folder holds and no comparison was named after: results by tensor, gradients, cases. Labels begin with
 * the name of what they compare.
 */
export async function uncompared(goldens: Goldens, labels: readonly string[]): Promise<string[]> {
  const { activations, instruct, grads, json } = goldens;
  const { generation, rank, drawing, pipeline } = await goldenCases(goldens);
  const tokenizer = await json<readonly unknown[]>('tokenizer.json');
  const wanted = [
    ...activations.names.filter((name) => !given.test(name)),
    ...instruct.names.map((name) => `instruct ${name}`),
    ...grads.names.map((name) => `gradient ${name}`),
    ...[...generation, ...rank].map(([name]) => `generation ${name}`),
    ...drawing.map(([name]) => `generate_image.${name}`),
    ...pipeline.map(([name]) => `pipeline.${name}.image_u8`),
    ...tokenizer.map((_, i) => `tokenizer ${i}`),
  ];
  const compared = (name: string) =>
    labels.some((label) => label.startsWith(name) && /^($|[ ,])/.test(label.slice(name.length)));
  return wanted.filter((name) => !compared(name));
}
