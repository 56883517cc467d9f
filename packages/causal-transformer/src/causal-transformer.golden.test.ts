import { graphOf, input, type Value } from '@emu-ts/graph';
import { paramInputs, placeParams } from '@emu-ts/params';
import { type Expectation, expectClose, goldens, sharedExecutors } from '@emu-ts/testing';
import { evaClip, parseEvaClipConfig, visualEncoder } from '@emu-ts/visual-encoder';
import { describe, it } from 'vitest';
import {
  causalTransformer,
  causalTransformerBlock,
  embedQueries,
  imageEmbeddings,
  parseT5Config,
  t5CausalTransformer,
} from './index.js';

const { config: json, activations, weights } = await goldens();
const vision = parseEvaClipConfig(json.emu);
const { n_causal: queries } = json.emu.vladapter_cfg as { n_causal: number };
const config = parseT5Config(json.t5, {
  queries,
  inputWidth: vision.width,
  outputWidth: json.llama.hidden_size as number,
});
const model = t5CausalTransformer(config);
const pixels = await activations.read('preprocess.pixels');
const features = await activations.read('ln_visual');
const open = () => weights('pretrained');

/** The widest sum, and the products that follow each other: ten in each of these blocks, `before` before them. */
const expectation = (blocks: number, before = 0): Expectation => ({
  terms: Math.max(config.mlpWidth, config.inputWidth, features.shape[1]),
  depth: before + 1 + 10 * blocks,
});

describe.each(sharedExecutors())('the causal transformer on $name', ({ name, create }) => {
  it('equals the reference after every block', async () => {
    const p = paramInputs(model.params).cformer;
    const outputs: Record<string, Value> = {};
    const { stream, context } = embedQueries(p, input('features', features), config);
    let x = stream;
    p.cformer.block.forEach((block, i) => {
      x = causalTransformerBlock(block, x, context);
      outputs[`cformer.block.${i}`] = x;
    });
    outputs['cformer.output'] = imageEmbeddings(p, context.features, config);

    await using executor = await create();
    await using source = await open();
    using placed = await placeParams(executor, model.params.cformer, source, { prefix: 'cformer' });
    await using program = await placed.compile(graphOf(outputs));
    const results = await program.run({ features });
    for (const [golden, result] of Object.entries(results)) {
      using owned = result;
      const [, , block = config.layers] = golden.split('.');
      const wanted = await activations.read(golden);
      expectClose(`${golden} (${name})`, await owned.read(), wanted, expectation(Number(block) + 1));
    }
  });

  it('equals the reference from pixels to image embeddings', async () => {
    await using executor = await create();
    await using source = await open();
    await using encoder = await visualEncoder({ executor, model: evaClip(vision), source });
    await using transformer = await causalTransformer({ executor, model, source });
    using seen = await encoder.encode(pixels);
    using embeddings = await transformer.embed(seen);
    expectClose(
      `cformer.output from pixels (${name})`,
      await embeddings.read(),
      await activations.read('cformer.output'),
      expectation(config.layers + 1, 6 * vision.layers),
    );
  });
});
