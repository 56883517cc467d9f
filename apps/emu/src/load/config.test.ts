import { readFile } from 'node:fs/promises';
import { weightsFolder } from '@emu-ts/tiny';
import { expect, it } from 'vitest';
import { readConfig } from './config.js';

const options = {
  entries: new Map([['decoder.lm.model.embed_tokens.weight', { shape: [90, 8] }]]) as never,
  instruct: false,
};
const { drawing: _, ...file } = JSON.parse(await readFile(new URL('config.json', weightsFolder), 'utf8'));

it('takes how pictures are drawn from the checkpoint, and leaves what it does not say', () => {
  const drawing = { steps: 12, guidance_scale: 2.5, scheduler: 'ddim', candidates: 3 };
  expect(readConfig(file, options).drawing).toBeUndefined();
  expect(readConfig({ ...file, drawing }, options).drawing).toEqual({
    steps: 12,
    guidanceScale: 2.5,
    scheduler: 'ddim',
    candidates: 3,
  });
  expect(readConfig({ ...file, drawing: { steps: 9 } }, options).drawing).toEqual({ steps: 9 });
});

it.each([{ steps: 'many' }, { candidates: '4' }, { scheduler: 5 }, 7])(
  'refuses %j there, and says what is wanted',
  (drawing) => {
    expect(() => readConfig({ ...file, drawing } as never, options)).toThrow(/drawing/);
  },
);
