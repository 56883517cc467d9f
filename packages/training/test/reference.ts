import { convert, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { parseT5Config, t5CausalTransformer } from '@emu-ts/causal-transformer';
import type { Checkpoint } from '@emu-ts/checkpoint';
import { type LlamaConfig, llamaModel, llamaPrefix, parseLlamaConfig } from '@emu-ts/language-model';
import { linearHead } from '@emu-ts/regression-head';
import { trainingTargets } from '@emu-ts/sequence';
import type { Expectation, Goldens } from '@emu-ts/testing';
import { evaClip, parseEvaClipConfig } from '@emu-ts/visual-encoder';
import { collate, type TrainingRow } from '../src/data/collate.js';
import { composeModel } from '../src/objective/compose.js';

/** The pretrained weights, or the instruction-tuned ones, by released name. */
export const openReference = (goldens: Goldens, instruct: boolean): Promise<Checkpoint> =>
  goldens.weights(instruct ? 'instruct' : 'pretrained');

/** The reference's training batch and model, rebuilt from a goldens folder: what the golden tests of this package share. */
export async function referenceTraining(goldens: Goldens, lora?: LlamaConfig['lora']) {
  await using file = await openReference(goldens, lora !== undefined);
  const table = [...file.entries].find(([name]) => name.endsWith('.embed_tokens.weight'));
  const { config, activations } = goldens;
  const vision = parseEvaClipConfig(config.emu);
  const pieces = config.llama.vocab_size as number;
  const [pad, imageOpen, imageClose, image] = [0, 1, 2, 3].map((i) => pieces + i);
  const tokens = { bos: 1, eos: 2, pad, imageOpen, imageClose, image, chat: undefined, colon: [] };
  const queries = (config.emu.vladapter_cfg as { n_causal: number }).n_causal;
  const llama = parseLlamaConfig(config.llama, { vocabSize: table?.[1].shape[0] ?? pieces, lora });
  const t5 = parseT5Config(config.t5, { queries, inputWidth: vision.width, outputWidth: llama.width });
  const model = composeModel({
    visualEncoder: evaClip(vision),
    causalTransformer: t5CausalTransformer(t5),
    languageModel: llamaModel(llama),
    regressionHead: linearHead(llama, llamaPrefix(llama)),
  });

  const ids = convert(await activations.read('train.input_ids'), 'i32');
  const pixels = await activations.read('train.pixels');
  const [rows, length] = ids.shape;
  const pictureSize = pixels.data.length / pixels.shape[0];
  let next = 0;
  const batch = collate(
    Array.from({ length: rows }, (_, r): TrainingRow => {
      const row = (ids.data as Int32Array).subarray(r * length, (r + 1) * length);
      const imageSlots = [...row.keys()].filter((i) => row[i - 1] === imageOpen && row[i] === image);
      return {
        ids: row,
        imageSlots,
        images: imageSlots.map((): HostTensor => {
          const from = next++ * pictureSize;
          const data = (pixels.data as Float32Array).slice(from, from + pictureSize);
          return tensor('f32', pixels.shape.slice(1), data);
        }),
        targets: trainingTargets(row, tokens, { queries }),
      };
    }),
    { queries, padId: pad },
  );

  /** Layers that a number passes: each has an attention and a feed-forward part of three products. */
  const layers = vision.layers + t5.layers + llama.layers;
  const expectation: Expectation = {
    terms: Math.max(llama.vocabSize, llama.hiddenWidth, t5.mlpWidth, vision.mlpWidth),
    depth: 6 * layers,
  };
  return { model, batch, llama, expectation, rows, length };
}

/** The columns of a table, such as the trajectory's. */
export function columns(table: HostTensor): number[][] {
  const [rows, width] = table.shape;
  const data = toF64(table);
  return Array.from({ length: rows }, (_, r) => [...data.subarray(r * width, (r + 1) * width)]);
}
