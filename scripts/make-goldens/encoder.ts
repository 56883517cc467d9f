import type { HostTensor } from '@emu-ts/base';
import {
  causalTransformerBlock,
  embedQueries,
  imageEmbeddings,
  t5CausalTransformer,
} from '@emu-ts/causal-transformer';
import { graphOf, input, interpret, type Value } from '@emu-ts/graph';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import { paramInputs } from '@emu-ts/params';
import { embedPatches, evaClip, evaClipBlock, evaClipFeatures, lnVisual } from '@emu-ts/visual-encoder';
import type { Model } from './model.js';
import type { Tensors } from './weights.js';

/** `preprocess.*`, `visual.*`, `ln_visual`, `cformer.*`: from pictures to image embeddings. */
export async function encoderGoldens(
  { recipe, vision, causal }: Model,
  weights: Tensors,
  images: readonly RgbImage[],
): Promise<Tensors> {
  const size = recipe.config.emu.vision_cfg.image_size;
  const pixels = await preprocessBatch(images, { size, arithmetic: 'torchvision' });
  const outputs: Record<string, Value> = {};

  const p = paramInputs(evaClip(vision).params);
  const start = input('pixels', pixels);
  let x = embedPatches(p.visual, start, vision);
  p.visual.blocks.forEach((block, i) => {
    x = evaClipBlock(block, x, vision);
    outputs[`visual.block.${i}`] = x;
  });
  outputs['visual.features'] = evaClipFeatures(p.visual, start, vision);
  outputs.ln_visual = lnVisual(p.ln_visual, x, vision);

  const q = paramInputs(t5CausalTransformer(causal).params).cformer;
  const { stream, context } = embedQueries(q, outputs.ln_visual, causal);
  let y = stream;
  q.cformer.block.forEach((block, i) => {
    y = causalTransformerBlock(block, y, context);
    outputs[`cformer.block.${i}`] = y;
  });
  outputs['cformer.output'] = imageEmbeddings(q, outputs.ln_visual, causal);

  return new Map<string, HostTensor>([
    ['preprocess.pixels', pixels],
    ['preprocess.pixels_pil', await preprocessBatch(images, { size, arithmetic: 'pil' })],
    ...Object.entries(interpretGiven(outputs, { ...Object.fromEntries(weights), pixels })),
  ]);
}

/** Runs a graph with those of the tensors that it asks for. */
export function interpretGiven(
  outputs: Record<string, Value>,
  given: Readonly<Record<string, HostTensor>>,
): Record<string, HostTensor> {
  const graph = graphOf(outputs);
  return interpret(graph, Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, given[name]])));
}
