import { graphOf, input, type Value } from '@emu-ts/graph';
import { paramInputs, placeParams } from '@emu-ts/params';
import { type Expectation, expectClose, goldens, sharedExecutors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  embedPatches,
  evaClip,
  evaClipBlock,
  evaClipFeatures,
  lnVisual,
  parseEvaClipConfig,
  visualEncoder,
} from './index.js';

const { config: json, activations, weights } = await goldens();
const config = parseEvaClipConfig(json.emu);
const model = evaClip(config);
const pixels = await activations.read('preprocess.pixels');
const open = () => weights('pretrained');

/** The widest sum of a block, and the products that follow each other in `blocks` of them after the patches. */
const expectation = (blocks: number): Expectation => ({
  terms: Math.max(config.mlpWidth, model.tokens, 3 * config.patchSize ** 2),
  depth: 1 + 6 * blocks,
});

describe.each(sharedExecutors())('EVA-CLIP on $name', ({ name, create }) => {
  it('equals the reference after every block', async () => {
    const p = paramInputs(model.params);
    const outputs: Record<string, Value> = {};
    const start = input('pixels', pixels);
    let x = embedPatches(p.visual, start, config);
    p.visual.blocks.forEach((block, i) => {
      x = evaClipBlock(block, x, config);
      outputs[`visual.block.${i}`] = x;
    });
    outputs['visual.features'] = evaClipFeatures(p.visual, start, config);
    outputs.ln_visual = lnVisual(p.ln_visual, x, config);

    await using executor = await create();
    await using source = await open();
    using placed = await placeParams(executor, model.params, source, {
      allowUnused: [/^(cformer|decoder)\./],
    });
    await using program = await placed.compile(graphOf(outputs));
    const results = await program.run({ pixels });
    for (const [golden, result] of Object.entries(results)) {
      using owned = result;
      const [, , block = config.layers - 1] = golden.split('.');
      expectClose(
        `${golden} (${name})`,
        await owned.read(),
        await activations.read(golden),
        expectation(Number(block) + 1),
      );
    }
  });

  it('equals the reference as a component', async () => {
    await using executor = await create();
    await using source = await open();
    await using encoder = await visualEncoder({ executor, model, source });
    using features = await encoder.encode(pixels);
    const wanted = await activations.read('ln_visual');
    expect(features.shape).toEqual([pixels.shape[0], encoder.tokens, encoder.width]);
    expectClose(`visual encoder (${name})`, await features.read(), wanted, expectation(config.layers));
  });
});
