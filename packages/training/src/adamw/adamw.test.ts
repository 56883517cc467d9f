import { type HostTensor, random, tensor, toF64 } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp, expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { oneMinusPower } from './bias-correction.js';
import { cases } from './cases.js';
import { adamwOp } from './op.js';

describeOp(adamwOp, cases, { gradient: false });

const scalar = (value: number) => tensor('f32', [], [value]);

/** The update written a second time, on plain numbers, with the bias corrections as powers. */
function written(state: { p: number; m: number; v: number }, g: number, t: number, rate: number) {
  const [beta1, beta2, eps, decay] = [0.9, 0.95, 1e-8, 0.05];
  const m = beta1 * state.m + (1 - beta1) * g;
  const v = beta2 * state.v + (1 - beta2) * g * g;
  const denominator = Math.sqrt(v / (1 - beta2 ** t)) + eps;
  const p = state.p - rate * decay * state.p - (rate * m) / (1 - beta1 ** t) / denominator;
  return { p, m, v };
}

const attrs = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.05 };

function update(tensors: Record<string, HostTensor>) {
  const values = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape }]) => [
      name,
      input(name, tensorType(dtype === 'bool' ? dtype : 'f32', shape)),
    ]),
  );
  const { param, m, v } = adamwOp(values as never, attrs);
  return interpret(graphOf({ param, m, v }), tensors);
}

describe('training.adamw', () => {
  it('walks the same path as the written-out formula', () => {
    const rate = 1e-2;
    let state: Record<string, HostTensor> = {
      param: tensor('f32', [4], [0.5, -1, 2, 0]),
      m: tensor('f32', [4]),
      v: tensor('f32', [4]),
    };
    const numbers = [0.5, -1, 2, 0].map((p) => ({ p, m: 0, v: 0 }));
    for (let t = 1; t <= 5; t++) {
      const g = random(t).normal(4);
      const gradient = tensor('f32', [4], g);
      state = update({
        ...state,
        gradient,
        rate: scalar(rate),
        step: scalar(t),
        scale: scalar(1),
        apply: tensor('bool', [], [1]),
      });
      numbers.forEach((x, i) => {
        numbers[i] = written(x, g[i], t, Math.fround(rate));
      });
    }
    const expected = tensor(
      'f64',
      [4],
      Float64Array.from(numbers, ({ p }) => p),
    );
    expectClose('adamw: five steps', state.param, expected, { dtype: 'f64', terms: 5 * 16 });
  });

  it('gives param and moments back bit for bit when it is not applied, NaN gradients or not', () => {
    const kept = {
      param: tensor('f32', [3], [1e-30, -2, 3e30]),
      m: tensor('f32', [3], [0.1, -0.2, 0]),
      v: tensor('f32', [3], [0, 4, 1e-12]),
    };
    const result = update({
      ...kept,
      gradient: tensor('f32', [3], [Number.NaN, Number.POSITIVE_INFINITY, 1]),
      rate: scalar(1e-3),
      step: scalar(7),
      scale: scalar(Number.NaN),
      apply: tensor('bool', [], [0]),
    });
    for (const [name, t] of Object.entries(kept)) expect([...toF64(result[name])]).toEqual([...toF64(t)]);
  });

  it('refuses weights that are not f32', () => {
    const f16 = input('param', tensorType('f16', [2]));
    expect(() => adamwOp({ param: f16 } as never, attrs)).toThrow(/gradient/);
    const f32 = (name: string) => input(name, tensorType('f32', [2]));
    const one = (name: string) => input(name, tensorType('f32', []));
    expect(() =>
      adamwOp(
        {
          param: f16,
          gradient: f32('g'),
          m: f32('m'),
          v: f32('v'),
          rate: one('r'),
          step: one('s'),
          scale: one('c'),
          apply: input('a', tensorType('bool', [])),
        },
        attrs,
      ),
    ).toThrow(/'param' must be f32, got f16/);
  });
});

it('1 − βᵗ keeps its digits', () => {
  const step = input('step', tensorType('f32', []));
  for (const beta of [0.9, 0.98, 0.999]) {
    for (const t of [1, 2, 10, 10_000]) {
      const { y } = interpret(graphOf({ y: oneMinusPower(beta, step) }), { step: scalar(t) });
      expectClose(`1 − ${beta}^${t}`, y, tensor('f64', [], [-Math.expm1(t * Math.log(beta))]), {
        dtype: 'f64',
        terms: 4,
      });
    }
  }
});
