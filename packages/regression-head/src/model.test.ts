import { readFileSync } from 'node:fs';
import { random, tensor } from '@emu-ts/base';
import { regressionHeadChecks } from '@emu-ts/contracts/conformance';
import { gradients, graphOf, input, interpret, interpreter, tensorType } from '@emu-ts/graph';
import { flatten, initialize, paramInputs, tensorSource } from '@emu-ts/params';
import { fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { linearHead, linearHead14B, regressionHead, regressionLoss } from './index.js';

describe('the regression head', () => {
  it.each([
    ['pretrain', 'decoder.lm'],
    ['instruct', 'decoder.lm.base_model.model'],
  ])('is that of the released model: %s', (variant, prefix) => {
    const released = JSON.parse(readFileSync(fixture('reference', 'emu-14b-tensors.json'), 'utf8'))[variant];
    const wanted = Object.entries(released).filter(([name]) => name.includes('stu_regress_head'));
    const tree = flatten(linearHead(linearHead14B, prefix).params);
    expect([...tree].map(([name, { shape }]) => [name, shape])).toEqual(wanted);
  });

  const load = (embeddingWidth?: number) => {
    const model = linearHead({ width: 60, embeddingWidth });
    const weights = initialize(model.params, { seed: 2 });
    weights.set('decoder.lm.model.norm.weight', tensor('f32', [60])); // the language model's
    return regressionHead({ executor: interpreter(), model, source: tensorSource(weights) });
  };

  it.each(regressionHeadChecks(() => load()))('$name', ({ run }) => run());
  it.each(regressionHeadChecks(() => load(10)))('$name, into another space', ({ run }) => run());

  it('refuses a checkpoint without it', async () => {
    const model = linearHead({ width: 60 });
    const source = tensorSource(new Map([['decoder.lm.model.norm.weight', tensor('f32', [60])]]));
    await expect(regressionHead({ executor: interpreter(), model, source })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      missing: ['decoder.lm.stu_regress_head.weight'],
      unexpected: [],
    });
  });
});

describe('regressionLoss', () => {
  const type = tensorType('f32', [3, 4]);
  const [predicted, target] = [input('predicted', type), input('target', type)];
  const feed = {
    predicted: tensor('f32', type.shape, random(1).normal(12)),
    target: tensor('f32', type.shape, random(2).normal(12)),
  };

  it('is the mean over all elements', () => {
    const { loss } = interpret(graphOf({ loss: regressionLoss(predicted, target) }), feed);
    const squares = [...feed.predicted.data].map((x, i) => (x - feed.target.data[i]) ** 2);
    expect(loss.data[0]).toBeCloseTo(squares.reduce((a, b) => a + b) / 12, 12);
  });

  it('teaches the prediction, never the target', () => {
    const [dp, dt] = gradients(regressionLoss(predicted, target), [predicted, target]);
    const result = interpret(graphOf({ dp, dt }), feed);
    expect(result.dp.data[5]).toBeCloseTo((2 / 12) * (feed.predicted.data[5] - feed.target.data[5]), 12);
    expect(new Set(result.dt.data)).toEqual(new Set([0]));
  });

  it('refuses another number of targets', () => {
    const more = input('target', tensorType('f32', [4, 4]));
    expect(() => regressionLoss(predicted, more)).toThrow(/'embeddings' must be \[3,4\], got f32\[4,4\]/);
  });

  it('reads any tree of its own shape', () => {
    const head = linearHead({ width: 4, embeddingWidth: 2 });
    const y = head.forward(paramInputs(head.params), input('x', tensorType('f32', [2, 3, 4])));
    expect(y.shape).toEqual([2, 3, 2]);
  });
});
