import { tensor, toF64 } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.js';
import { muonOp } from './op.js';

describeOp(muonOp, cases, { gradient: false });

const f32 = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));
const scalar = (value: number) => tensor('f32', [], [value]);

const step = (...shape: number[]) =>
  graphOf({
    ...muonOp(
      {
        param: f32('param', ...shape),
        gradient: f32('gradient', ...shape),
        m: f32('m', ...shape),
        rate: f32('rate'),
        scale: f32('scale'),
        apply: input('apply', tensorType('bool', [])),
      },
      { momentum: 0.95, weightDecay: 0 },
    ),
  });

describe('training.muon', () => {
  it('moves along all directions of a gradient alike, however large each is in it', () => {
    // Singular values 8, 1 and 0.1, along the axes, of a matrix of three rows and four columns.
    const gradient = tensor('f32', [3, 4], [0, 8, 0, 0, 1, 0, 0, 0, 0, 0, 0, -0.1]);
    const nothing = tensor('f32', [3, 4]);
    const { param } = interpret(step(3, 4), {
      param: nothing,
      gradient,
      m: nothing,
      rate: scalar(1),
      scale: scalar(1),
      apply: tensor('bool', [], [1]),
    });
    const moved = [...toF64(param)].map((x) => -x / (0.2 * Math.sqrt(4)));
    for (const [i, g] of [...toF64(gradient)].entries()) {
      if (g === 0) expect(Math.abs(moved[i])).toBeLessThan(1e-6);
      else {
        // Five rounds of the polynomial end between 0.7 and 1.2 (Jordan et al.).
        expect(moved[i] * Math.sign(g)).toBeGreaterThan(0.65);
        expect(moved[i] * Math.sign(g)).toBeLessThan(1.25);
      }
    }
  });

  it('gives param and momentum back bit for bit when it is not applied', () => {
    const kept = {
      param: tensor('f32', [2, 2], [1e-30, -2, 3e30, 0.5]),
      m: tensor('f32', [2, 2], [0.1, -0.2, 0, 7]),
    };
    const result = interpret(step(2, 2), {
      ...kept,
      gradient: tensor('f32', [2, 2], [Number.NaN, Number.POSITIVE_INFINITY, 1, 0]),
      rate: scalar(1e-3),
      scale: scalar(Number.NaN),
      apply: tensor('bool', [], [0]),
    });
    for (const [name, t] of Object.entries(kept)) expect([...toF64(result[name])]).toEqual([...toF64(t)]);
  });

  it('refuses a vector', () => {
    const vector = { param: f32('param', 3), gradient: f32('gradient', 3), m: f32('m', 3) };
    const rest = { rate: f32('rate'), scale: f32('scale'), apply: input('apply', tensorType('bool', [])) };
    expect(() => muonOp({ ...vector, ...rest }, { momentum: 0.9, weightDecay: 0 })).toThrow(/matrix/);
  });
});
