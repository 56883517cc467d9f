import { type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import {
  graphOf,
  input,
  interpret,
  mul,
  slice,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { linear, linearParams } from '@emu-ts/nn';
import { initialize, paramInputs } from '@emu-ts/params';
import { expectClose, expectGradients } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import type { Losses } from '../step/types.js';
import { autoencoderObjective } from './autoencoder.js';
import { contrastiveLoss } from './contrastive.js';
import { diffusionObjective, drawNoise } from './diffusion.js';
import { taggingLoss } from './tagging.js';

const normal = (seed: number, ...shape: number[]) =>
  tensor('f64', shape, Float64Array.from(random(seed).normal(sizeOf(shape))));
const symbol = (name: string, { dtype, shape }: TensorType) =>
  input(name, tensorType(dtype === 'f64' ? 'f32' : dtype, shape));
const rows = (t: HostTensor) => {
  const [n, d] = t.shape;
  return Array.from({ length: n }, (_, i) => [...toF64(t).subarray(i * d, (i + 1) * d)]);
};

function evaluate(f: (values: Record<string, Value>) => Losses, tensors: Record<string, HostTensor>) {
  const values = Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, symbol(name, t)]));
  const { loss, metrics } = f(values);
  const out = interpret(graphOf({ loss, ...metrics }), tensors);
  return Object.fromEntries(Object.entries(out).map(([name, t]) => [name, t.data[0]]));
}

const close = (label: string, actual: number, expected: number, terms: number) =>
  expectClose(label, tensor('f64', [], [actual]), tensor('f64', [], [expected]), {
    dtype: 'f64',
    terms,
    depth: 4,
  });

describe('contrastive', () => {
  const [b, d] = [5, 7];
  const given = { images: normal(1, b, d), texts: normal(2, b, d), logScale: tensor('f64', [], [1.5]) };

  /** CLIP's loss on plain numbers, with the rows that are right for each row. */
  function written(right: (i: number, j: number) => boolean): number {
    const unit = (row: number[]) => row.map((x) => x / Math.hypot(...row));
    const [images, texts] = [rows(given.images).map(unit), rows(given.texts).map(unit)];
    const scores = images.map((x) =>
      texts.map((y) => Math.exp(1.5) * x.reduce((s, v, k) => s + v * y[k], 0)),
    );
    const direction = (table: number[][]) =>
      table.reduce((total, row, i) => {
        const all = Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
        const mates = row.filter((_, j) => right(i, j));
        return total - mates.reduce((s, x) => s + (x - all), 0) / mates.length;
      }, 0) / b;
    const turned = texts.map((_, j) => scores.map((row) => row[j]));
    return (direction(scores) + direction(turned)) / 2;
  }

  it('is the written-out loss, with texts that differ and texts that repeat', () => {
    const { loss, logit_scale } = evaluate((v) => contrastiveLoss(v as never), given);
    close(
      'contrastive',
      loss,
      written((i, j) => i === j),
      b * d,
    );
    close('scale', logit_scale, Math.exp(1.5), 1);
    const groups = [0, 1, 0, 2, 1];
    const repeated = evaluate((v) => contrastiveLoss(v as never), {
      ...given,
      groups: tensor('i32', [b], groups),
    });
    close(
      'contrastive with groups',
      repeated.loss,
      written((i, j) => groups[i] === groups[j]),
      b * d,
    );
  });

  it('is least, and all is found, when each text equals its image', () => {
    const same = { ...given, texts: given.images, logScale: tensor('f64', [], [Math.log(1e9)]) };
    const { contrastive_accuracy, logit_scale } = evaluate((v) => contrastiveLoss(v as never), same);
    expect(contrastive_accuracy).toBe(1);
    expect(logit_scale).toBe(100);
  });

  it('has the gradient of central differences', () => {
    expectGradients('contrastive', (v) => contrastiveLoss(v as never).loss, given);
  });

  it('refuses towers of different width', () => {
    expect(() =>
      contrastiveLoss({
        images: symbol('a', normal(1, 2, 3)),
        texts: symbol('b', normal(1, 2, 4)),
        logScale: symbol('s', tensor('f32', [])),
      }),
    ).toThrow(/images are f32\[2,3\], texts f32\[2,4\]/);
  });
});

describe('tagging', () => {
  const given = {
    logits: tensor('f64', [2, 3], [0.5, -40, 2, 40, -1, 3]),
    tags: tensor('f32', [2, 3], [1, 0, -1, 1, 1, 0]),
  };

  it('is the binary cross-entropy of the known tags', () => {
    const { loss, tag_accuracy } = evaluate((v) => taggingLoss(v.logits, v.tags), given);
    const entropy = (x: number, y: number) => -Math.log(1 / (1 + Math.exp(y ? -x : x)));
    const known = [entropy(0.5, 1), entropy(-40, 0), entropy(40, 1), entropy(-1, 1), entropy(3, 0)];
    close('tagging', loss, known.reduce((a, b) => a + b) / 5, 6);
    expect(tag_accuracy).toBeCloseTo(3 / 5, 12);
  });

  it('has the gradient of central differences', () => {
    expectGradients(
      'tagging',
      (v) => taggingLoss(v.logits, v.tags).loss,
      { ...given, logits: normal(3, 2, 3) },
      ['logits'],
    );
  });
});

describe('diffusion', () => {
  const alphas = Float32Array.from({ length: 100 }, (_, t) => 0.999 - t * 0.0098);
  const shape = [4, 2, 3, 3];
  const noise = (index: number) => drawNoise({ shape, alphas, seed: 7, index, dropRate: 0.5 });
  const batch = { latents: normal(4, ...shape), condition: normal(5, 4, 2, 3), ...noise(0) };

  it('draws the same noise for the same batch, other noise for another', () => {
    expect(noise(3)).toEqual(noise(3));
    expect(toF64(noise(3).noise)).not.toEqual(toF64(noise(4).noise));
    const dropped = Array.from({ length: 250 }, (_, i) => [
      ...toF64(drawNoise({ shape, alphas, seed: 7, index: i }).dropped),
    ]).flat();
    const rate = dropped.reduce((a, b) => a + b) / dropped.length;
    // A tenth of 1000 draws, within four standard deviations.
    expect(Math.abs(rate - 0.1)).toBeLessThan(4 * Math.sqrt((0.1 * 0.9) / dropped.length));
  });

  it('shows the predictor noised latents and the conditions that were not dropped', () => {
    let seen: Record<string, Value> = {};
    const objective = diffusionObjective((_, inputs) => {
      seen = inputs;
      return inputs.latents;
    });
    const values = Object.fromEntries(Object.entries(batch).map(([name, t]) => [name, symbol(name, t)]));
    const { loss } = objective({} as never, values);
    const out = interpret(graphOf({ loss, latents: seen.latents, context: seen.context }), batch);
    const [x, e] = [toF64(batch.latents), toF64(batch.noise)];
    const size = x.length / 4;
    const noised = x.map(
      (v, i) =>
        v * toF64(batch.signal)[Math.floor(i / size)] + e[i] * toF64(batch.sigma)[Math.floor(i / size)],
    );
    expectClose('noised', out.latents, tensor('f64', shape, noised), { dtype: 'f64', terms: 2 });
    close(
      'epsilon',
      out.loss.data[0],
      noised.reduce((s, v, i) => s + (v - e[i]) ** 2, 0) / x.length,
      x.length,
    );
    toF64(batch.dropped).forEach((dropped, i) => {
      const row = [...out.context.data.subarray(i * 6, (i + 1) * 6)];
      expect(row).toEqual(
        dropped ? row.map(() => 0) : [...toF64(batch.condition).subarray(i * 6, (i + 1) * 6)],
      );
    });
  });

  it.each(['epsilon', 'v'] as const)('counts faint noise less when told so: %s', (target) => {
    const limit = 2;
    const objective = diffusionObjective((_, { latents }) => mul(latents, 0), { target, snrLimit: limit });
    const { loss } = evaluate((v) => objective({} as never, v), batch);
    const size = sizeOf(shape) / 4;
    const [x, e, s, n] = [batch.latents, batch.noise, batch.signal, batch.sigma].map(toF64);
    // In the clean latents an error of 1 in the noise is n / s, one in v is n: the same weight for both.
    const terms = x.map((value, i) => {
      const [signal, sigma] = [s[Math.floor(i / size)], n[Math.floor(i / size)]];
      const off = target === 'epsilon' ? (e[i] * sigma) / signal : (signal * e[i] - sigma * value) * sigma;
      return Math.min((signal / sigma) ** 2, limit) * off ** 2;
    });
    close(target, loss, terms.reduce((total, value) => total + value, 0) / terms.length, terms.length);
  });

  it('asks for v when told so', () => {
    const objective = diffusionObjective((_, { latents }) => mul(latents, 0), { target: 'v' });
    const { loss } = evaluate((v) => objective({} as never, v), batch);
    const size = sizeOf(shape) / 4;
    const [x, e, s, n] = [batch.latents, batch.noise, batch.signal, batch.sigma].map(toF64);
    const v = x.map((value, i) => s[Math.floor(i / size)] * e[i] - n[Math.floor(i / size)] * value);
    close('v', loss, v.reduce((total, value) => total + value ** 2, 0) / v.length, v.length);
  });
});

describe('autoencoder', () => {
  const tree = { encoder: linearParams(6, 4), decoder: linearParams(2, 6) };
  const parts = {
    encode: (p: never, x: Value) => {
      const y = linear((p as { encoder: never }).encoder, x);
      return { mean: slice(y, 1, 0, 2), logvar: slice(y, 1, 2, 4) };
    },
    decode: (p: never, z: Value) => linear((p as { decoder: never }).decoder, z),
  };
  const given = { images: normal(8, 3, 6), noise: normal(9, 3, 2) };

  it('adds the divergence to the reconstruction', () => {
    const weights = Object.fromEntries(initialize(tree, { seed: 1 }));
    const run = (klWeight: number, scalars: Record<string, HostTensor> = {}) => {
      const objective = autoencoderObjective(parts as never, { klWeight, reconstruction: 'squared' });
      const batch = { ...given, ...scalars };
      const values = Object.entries(batch).map(([name, t]) => [name, symbol(name, t)]);
      const { loss, metrics } = objective(paramInputs(tree) as never, Object.fromEntries(values));
      const out = interpret(graphOf({ loss, ...metrics }), { ...weights, ...batch });
      return Object.fromEntries(Object.entries(out).map(([name, t]) => [name, t.data[0]]));
    };
    const { loss, reconstruction, kl } = run(0.5);
    expect(kl).toBeGreaterThan(0);
    close('autoencoder', loss, reconstruction + 0.5 * kl, 2);
    close('without divergence', run(0).loss, reconstruction, 2);
    const scheduled = run(0.5, { 'weight.kl': tensor('f64', [], [0.25]) });
    close('a scheduled weight', scheduled.loss, reconstruction + 0.25 * kl, 2);
  });
});
