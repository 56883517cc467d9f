import { convert, tensor } from '@emu-ts/base';
import type { RgbImage } from '@emu-ts/contracts';
import { safetyCheckerChecks } from '@emu-ts/contracts/conformance';
import { interpreter } from '@emu-ts/graph';
import { initialize, tensorSource } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { createSafetyChecker, emuSafetyConfig, safetyParams } from './index.js';

const config = {
  ...emuSafetyConfig,
  imageSize: 6,
  patchSize: 3,
  width: 8,
  layers: 1,
  heads: 2,
  mlpWidth: 12,
  projectionWidth: 5,
};

/** Stands in for the feature extractor: the corner of the picture. */
const preprocess = async (images: readonly RgbImage[]) =>
  tensor(
    'f32',
    [images.length, 3, 6, 6],
    images.flatMap(({ data }) => Array.from(data.subarray(0, 108), (byte) => byte / 128 - 1)),
  );

const create = () =>
  createSafetyChecker({
    executor: interpreter(),
    config,
    weights: tensorSource(
      new Map([
        ...initialize(safetyParams(config), { seed: 1 }),
        ['vision_model.vision_model.embeddings.position_ids', tensor('i64', [1, 5])],
      ]),
    ),
    preprocess,
  });

describe('the safety checker contract', () => {
  for (const { name, run } of safetyCheckerChecks(create)) it(name, run);
});

it('refuses pixels of another size', async () => {
  await using checker = await create();
  await expect(checker.embed(convert(tensor('f32', [1, 3, 5, 5]), 'f32'))).rejects.toMatchObject({
    code: 'SHAPE',
  });
});
