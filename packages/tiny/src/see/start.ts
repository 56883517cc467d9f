import { type HostTensor, sizeOf } from '@emu-ts/base';
import { flatten, initialize, type ParamTree } from '@emu-ts/params';
import type { EvaClipConfig } from '@emu-ts/visual-encoder';

/**
 * Weights before the first stage. The released initialisation (0.02 everywhere) suits widths of a thousand and more; at
 * a width of a hundred it starves every layer, so matrices are drawn with deviation 1/√inputs instead, those that end
 * a residual branch with half of it.
 */
export function freshWeights(
  params: ParamTree,
  encoder: EvaClipConfig,
  seed: number,
): Map<string, HostTensor> {
  const declared = flatten(params);
  const weights = initialize(params, { seed });
  for (const [name, { shape, data }] of weights) {
    const init = declared.get(name)?.init;
    if (init?.kind !== 'normal' || shape.length < 2 || !name.endsWith('weight')) continue;
    const inputs = sizeOf(shape.slice(1));
    const factor = (endsBranch.test(name) ? 0.5 : 1) / Math.sqrt(inputs) / init.std;
    const numbers = data as Float32Array;
    for (let i = 0; i < numbers.length; i++) numbers[i] *= factor;
  }
  startAsConvolution(weights, encoder);
  return weights;
}

const endsBranch = /(attn\.proj|mlp\.fc2|o_proj|down_proj|wo|\.o)\.weight$/;

/** Frequencies, in sixteenths of a turn per patch, whose cosines add up to 0 at every distance from 1 to 7. */
const frequencies = [1, 3, 5, 7];
/** Sine and cosine of each for rows, then for columns: elements of the stream that hold places and nothing else. */
const placeWidth = 4 * frequencies.length;
/** How much louder places are than contents, and how sharply the first layers look. */
const [loudness, sharpness] = [2, 1.2];
const neighbours = [-1, 0, 1]
  .flatMap((row) => [-1, 0, 1].map((column) => [row, column] as const))
  .filter(([r, c]) => r || c);

/**
 * Lets the vision transformer start as a convolution (Zheng et al., "Structured Initialization for Attention in Vision
 * Transformers", 2024): places are sinusoids in elements of their own, and in every layer but the last head h looks at
 * neighbour h. From random weights shapes, which lie across patches, stay unseen for tens of thousands of pictures.
 */
function startAsConvolution(
  weights: Map<string, HostTensor>,
  { imageSize, patchSize, width, layers, heads }: EvaClipConfig,
): void {
  const matrix = (name: string) => weights.get(name)?.data as Float32Array;
  const headWidth = width / heads;
  if (headWidth < placeWidth || heads < neighbours.length || imageSize / patchSize > 8) return;
  const places = matrix('visual.pos_embed').fill(0);
  const grid = imageSize / patchSize;
  for (let i = 0; i < grid * grid; i++) places.set(placeOf(Math.floor(i / grid), i % grid), (i + 1) * width);
  const clear = (name: string) => {
    const data = matrix(name);
    data.fill(0, 0, placeWidth * (data.length / width));
  };
  clear('visual.patch_embed.proj.weight');
  for (let layer = 0; layer < layers; layer++) {
    const block = `visual.blocks.${layer}`;
    clear(`${block}.attn.proj.weight`);
    clear(`${block}.mlp.fc2.weight`);
    if (layer === layers - 1) continue;
    const qkv = matrix(`${block}.attn.qkv.weight`); // [3 width, width]
    qkv.fill(0, 0, 2 * width * width);
    neighbours.forEach(([row, column], head) => {
      for (let i = 0; i < placeWidth; i += 2) {
        const offset = i < placeWidth / 2 ? row : column;
        const turn = (Math.PI / 8) * frequencies[(i / 2) % frequencies.length] * offset;
        const [cos, sin] = [Math.cos(turn) * sharpness, Math.sin(turn) * sharpness];
        const q = (head * headWidth + i) * width + i;
        const k = q + width * width;
        // sin(a + t) = sin a cos t + cos a sin t; cos(a + t) = cos a cos t − sin a sin t
        [qkv[q], qkv[q + 1], qkv[q + width], qkv[q + width + 1]] = [cos, sin, -sin, cos];
        [qkv[k], qkv[k + width + 1]] = [sharpness, sharpness];
      }
    });
  }
}

function placeOf(row: number, column: number): number[] {
  return [row, column].flatMap((at) =>
    frequencies.flatMap((f) =>
      [Math.sin((Math.PI / 8) * f * at), Math.cos((Math.PI / 8) * f * at)].map((x) => x * loudness),
    ),
  );
}
