import { readFile } from 'node:fs/promises';
import { type HostTensor, tensor, toF64 } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import { type Executor, graphOf, input, interpret, interpreter } from '@emu-ts/graph';
import { embedPrompts, languageModel, llamaModel, parseLlamaConfig } from '@emu-ts/language-model';
import type { TensorSource } from '@emu-ts/params';
import {
  type DrawingCase,
  type Expectation,
  expectClose,
  goldenCases,
  goldens,
  sharedExecutors,
  spreadOf,
} from '@emu-ts/testing';
import { pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateImageEmbeddings, linearHead, regressionHead, regressionLoss } from './index.js';

const golden = await goldens();
const { config: json, activations, path, weights } = golden;
const tokenizer = Tokenizer.fromModel(await readFile(path('checkpoint', 'tokenizer.model')), {
  special: pretrainTokens,
});
const id = (token: string) => tokenizer.special.get(token) as number;
const config = parseLlamaConfig(json.llama, { vocabSize: tokenizer.size });
const seen = await activations.read('cformer.output');
const [, queries, width] = seen.shape;
const { drawing: drawings } = await goldenCases(golden);

const open = () => weights('pretrained');
const load = async (executor: Executor, source: TensorSource) =>
  regressionHead({ executor, model: linearHead({ width: config.width }), source });

/** What the model draws with for a prompt. */
async function draw(executor: Executor, source: TensorSource, { text, images, placeholder }: DrawingCase) {
  await using model = await languageModel({ executor, model: llamaModel(config), source });
  await using head = await load(executor, source);
  const prompts = await promptOf(model, text, images, placeholder);
  return await generateImageEmbeddings(model, head, { prompts, queries });
}

/** Rows of [b t width] at the positions whose id is one of these, in reading order. */
function rowsAt(x: HostTensor, ids: HostTensor, tokens: readonly string[]): HostTensor<'f32'> {
  const wanted = new Set(tokens.map(id));
  const data = toF64(x);
  const rows = [...toF64(ids)].flatMap((token, i) =>
    wanted.has(token) ? [...data.subarray(i * width, (i + 1) * width)] : [],
  );
  return tensor('f32', [rows.length / width, width], rows);
}

describe.each(sharedExecutors())('the regression head on $name', ({ name, create }) => {
  it('predicts what the reference predicts', async () => {
    await using executor = await create();
    await using source = await open();
    await using head = await load(executor, source);
    const [hidden, ids] = [await activations.read('train.hidden'), await activations.read('train.input_ids')];
    using predicted = await head.predict(rowsAt(hidden, ids, ['[IMG]', '<image>']));
    const wanted = await activations.read('train.regress_pred');
    expectClose(`train.regress_pred (${name})`, await predicted.read(), wanted, { terms: width });
  });

  it.each(drawings)('%s', async (label, drawing) => {
    await using executor = await create();
    await using source = await open();
    const { embeddings, passes } = await draw(executor, source, drawing);
    expect(passes).toEqual({ prefill: 1, step: queries - 1 });
    const wanted = await activations.read(`generate_image.${label}`);
    expectClose(`generate_image.${label} (${name})`, embeddings, wanted, {
      ...expectation,
      spread: spreads[label],
    });
  });
});

/** The loop reads its own output, so that what becomes of an error depends on the model. */
const spreads: Record<string, number> = {};
beforeAll(async () => {
  await using source = await open();
  for (const [label, drawing] of drawings) {
    const oracle = async (weights: TensorSource) => ({
      embeddings: (await draw(interpreter(), weights, drawing)).embeddings,
    });
    spreads[label] = (await spreadOf(oracle, source)).embeddings;
  }
}, 120_000);

/** Products in a row: those of every layer and the head, once for every embedding. */
const expectation: Expectation = {
  terms: Math.max(config.hiddenWidth, config.width),
  depth: queries * (2 + 7 * config.layers),
};

/** Texts with an image at every placeholder, each ending in `[IMG]`. */
function promptOf(model: LanguageModel, texts: readonly string[], images: number, placeholder: string) {
  const image = `[IMG]${'<image>'.repeat(queries)}[/IMG]`;
  const rows = texts.map((text) => tokenizer.encode(`${text.replaceAll(placeholder, image)}[IMG]`));
  const data = (seen.data as Float32Array).slice(0, images * queries * width);
  const visual = { token: id('<image>'), embeddings: tensor('f32', [images * queries, width], data) };
  return embedPrompts(model, rows, { pad: id('[PAD]'), visual });
}

it('costs what the reference says it costs', async () => {
  const [ids, embeddings, predicted] = await Promise.all(
    ['train.input_ids', 'train.inputs_embeds', 'train.regress_pred'].map((tensor) =>
      activations.read(tensor),
    ),
  );
  const feed = { predicted, labels: rowsAt(embeddings, ids, ['<image>', '[/IMG]']) };
  const loss = regressionLoss(input('predicted', feed.predicted), input('labels', feed.labels));
  const result = interpret(graphOf({ loss }), feed).loss;
  const wanted = await activations.read('train.loss_image_mse');
  expectClose('train.loss_image_mse', { ...result, shape: [1] }, wanted, { terms: predicted.data.length });
});
