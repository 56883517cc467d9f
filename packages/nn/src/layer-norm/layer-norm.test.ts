import { decompose, graphOf, input, print, tensorType } from '@emu-ts/graph';
import { describeOp, expectGradients, randomTensors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { cases, vjpCases } from './cases.js';
import { layerNormOp, layerNormVjpOp } from './op.js';

describeOp(layerNormOp, cases);
describeOp(layerNormVjpOp, vjpCases);

describe('nn.layer_norm', () => {
  const f32 = (...shape: number[]) => tensorType('f32', shape);
  const [x, weight, bias] = [input('x', f32(2, 3)), input('weight', f32(3)), input('bias', f32(3))];

  it('means what the paper says', () => {
    const { y } = layerNormOp({ x, weight, bias }, { eps: 0.5 });
    expect(print(graphOf({ y: decompose(y.node).y }))).toMatchInlineSnapshot(`
      "(x: f32[2,3], weight: f32[3], bias: f32[3]) {
        %0 = prim.sum(x, axes=[1]) : f32[2,1]
        %1 = prim.mul(%0, 0.3333333333333333) : f32[2,1]
        %2 = prim.sub(x, %1) : f32[2,3]
        %3 = prim.mul(%2, %2) : f32[2,3]
        %4 = prim.sum(%3, axes=[1]) : f32[2,1]
        %5 = prim.mul(%4, 0.3333333333333333) : f32[2,1]
        %6 = prim.add(%5, 0.5) : f32[2,1]
        %7 = prim.rsqrt(%6) : f32[2,1]
        %8 = prim.mul(%2, %7) : f32[2,3]
        %9 = prim.mul(%8, weight) : f32[2,3]
        %10 = prim.add(%9, bias) : f32[2,3]
      } -> y: %10"
    `);
  });

  it('passes on what its statistics are used for', () => {
    const given = randomTensors({ x: f32(2, 3), weight: f32(3), bias: f32(3) });
    expectGradients('nn.layer_norm residuals', (v) => layerNormOp(v as never, { eps: 0.1 }), given);
    const statistics = (v: Record<string, typeof x>) => {
      const { mean, rstd } = layerNormOp(v as never, { eps: 0.1 });
      return { mean, rstd };
    };
    expectGradients('nn.layer_norm statistics alone', statistics, given, ['x']);
  });

  it('names both sides of what does not fit', () => {
    const short = input('weight', f32(4));
    expect(() => layerNormOp({ x, weight: short, bias }, { eps: 0 })).toThrow(
      "nn.layer_norm: 'weight' must be [3], got f32[4].",
    );
    const ids = input('x', tensorType('i32', [2, 3]));
    expect(() => layerNormOp({ x: ids, weight, bias }, { eps: 0 })).toThrow(
      "nn.layer_norm: 'x' must be floats, got i32[2,3].",
    );
  });
});
