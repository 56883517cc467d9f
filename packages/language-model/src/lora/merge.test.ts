import { type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { graphOf, input, interpret } from '@emu-ts/graph';
import { tensorSource } from '@emu-ts/params';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { project } from '../llama/block.js';
import { mergeLora, unmergeLora } from './merge.js';

const lora = { r: 3, alpha: 6 };
const draw = (stream: number, ...shape: number[]) =>
  tensor('f32', shape, random(9, stream).normal(sizeOf(shape)));
const weights = new Map<string, HostTensor>([
  ['q_proj.weight', draw(1, 5, 7)],
  ['q_proj.lora_A.default.weight', draw(2, 3, 7)],
  ['q_proj.lora_B.default.weight', draw(3, 5, 3)],
  ['norm.weight', draw(4, 7)],
]);
const source = tensorSource(weights);

describe('mergeLora', () => {
  it('gives the projection that the live update gives', async () => {
    const merged = await mergeLora(source, lora).read('q_proj.weight');
    const x = draw(5, 2, 7);
    const p = {
      weight: input('weight', merged),
      lora_A: { default: { weight: input('a', weights.get('q_proj.lora_A.default.weight')!) } },
      lora_B: { default: { weight: input('b', weights.get('q_proj.lora_B.default.weight')!) } },
    };
    const feed = {
      x,
      a: weights.get('q_proj.lora_A.default.weight')!,
      b: weights.get('q_proj.lora_B.default.weight')!,
    };
    const live = graphOf({ y: project(p, input('x', x), { scale: lora.alpha / lora.r }) });
    const plain = graphOf({ y: project({ weight: p.weight }, input('x', x), { scale: 0 }) });
    const wanted = interpret(live, { ...feed, weight: weights.get('q_proj.weight')! }).y;
    expectClose('merged LoRA', interpret(plain, { x, weight: merged }).y, wanted, { terms: 7, dtype: 'f32' });
  });

  it('leaves the updates out and everything else alone', async () => {
    const merged = mergeLora(source, lora);
    expect([...merged.entries.keys()]).toEqual(['q_proj.weight', 'norm.weight']);
    expect(await merged.read('norm.weight')).toBe(weights.get('norm.weight'));
  });

  it('is undone by unmergeLora', async () => {
    const name = 'q_proj.weight';
    const merged = mergeLora(source, lora);
    const whole = tensorSource(new Map([[name, await merged.read(name)]]));
    const back = await unmergeLora(whole, source, lora).read(name);
    const magnitude = Math.max(...toF64(await merged.read(name)).map(Math.abs));
    expectClose('unmerged LoRA', back, weights.get(name)!, { terms: 2, magnitude });
  });

  it.each([
    ['another rank', { r: 4, alpha: 4 }, weights],
    ['no updates', lora, new Map([['norm.weight', draw(1, 7)]])],
    ['one side only', lora, new Map([...weights].filter(([name]) => !name.includes('lora_B')))],
  ])('refuses %s', (_, config, tensors) => {
    expect(() => mergeLora(tensorSource(tensors), config)).toThrow(expect.objectContaining({ code: 'LORA' }));
  });

  it('stops when aborted', async () => {
    const reading = mergeLora(source, lora).read('q_proj.weight', { signal: AbortSignal.abort() });
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});
