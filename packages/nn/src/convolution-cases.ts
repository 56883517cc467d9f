import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import * as conv2d from './conv2d/cases.js';

/** Convolutions that reach the edges of tiles and borders, and what is fused into them. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const convolution = (x: number[], weight: number[], strides = [1, 1], padding = [1, 1, 1, 1]): OpCase => ({
  name: `[${x}] by [${weight}]`,
  inputs: { x: f32(...x), weight: f32(...weight), bias: f32(weight[0]) },
  attrs: { strides, padding },
  expectation: { terms: weight[1] * weight[2] * weight[3] },
});
const fusedConvolution = (
  x: number[],
  weight: number[],
  given: {
    groups?: number;
    silu?: boolean;
    factor?: number;
    height?: number;
    width?: number;
    strides?: number[];
    tokensIn?: boolean;
    tokensOut?: boolean;
  },
  added: number[],
): OpCase => {
  const padding = weight[2] === 1 ? [0, 0, 0, 0] : [1, 1, 1, 1];
  const { name, inputs, expectation } = convolution(x, weight);
  const norm = given.groups ? { gain: f32(x[1]), shift: f32(x[1]) } : {};
  return {
    name: `${name}, ${JSON.stringify(given)}, added [${added}]`,
    inputs: { ...inputs, ...norm, ...(added.length ? { added: f32(...added) } : {}) },
    attrs: {
      strides: [1, 1],
      padding,
      groups: 1,
      eps: 1e-5,
      silu: false,
      factor: 1,
      height: 0,
      width: 0,
      tokensIn: false,
      tokensOut: false,
      ...given,
    },
    expectation: { ...expectation, depth: 2 },
  };
};
/** With channels of a map beside its own. */
const withMore = ({ inputs, ...rest }: OpCase, more: number[]): OpCase => {
  const channels = f32(inputs.x.shape[1] + more[1]);
  const norm = inputs.gain ? { gain: channels, shift: channels } : {};
  return { ...rest, inputs: { ...inputs, ...norm, more: f32(...more) } };
};
/** The same map as tokens. */
const ofTokens = ({ inputs, ...rest }: OpCase): OpCase => {
  const [n, c, h, w] = inputs.x.shape;
  return { ...rest, inputs: { ...inputs, x: f32(n, h * w, c) } };
};

export const convolutionCases: Readonly<Record<string, readonly OpCase[]>> = {
  'nn.conv2d': [
    ...conv2d.cases,
    convolution([2, 5, 9, 11], [70, 5, 3, 3]),
    convolution([1, 8, 12, 12], [9, 8, 3, 3], [2, 2], [0, 0, 1, 1]),
    convolution([1, 3, 17, 18], [16, 3, 14, 14], [14, 14], [0, 0, 0, 0]),
    convolution([2, 66, 8, 9], [65, 66, 1, 1], [1, 1], [0, 0, 0, 0]),
    convolution([1, 130, 5, 5], [9, 130, 3, 3]),
    convolution([1, 5, 5, 5], [130, 5, 3, 3]),
    convolution([1, 8, 9, 9], [20, 8, 3, 3]),
  ],
  'nn.conv2d_fused': [
    fusedConvolution([2, 6, 9, 11], [9, 6, 3, 3], { groups: 3, silu: true }, [2, 9, 1, 1]),
    fusedConvolution([2, 130, 4, 5], [9, 130, 3, 3], { groups: 2, silu: true }, [2, 9, 4, 5]),
    fusedConvolution([2, 8, 70, 64], [4, 8, 1, 1], { groups: 1 }, [1, 4, 1, 1]),
    fusedConvolution([1, 5, 4, 6], [7, 5, 3, 3], { factor: 2 }, []),
    fusedConvolution([1, 5, 4, 6], [7, 5, 3, 3], { factor: 2, height: 7, width: 11 }, []),
    fusedConvolution([1, 8, 4, 4], [8, 8, 3, 3], { strides: [2, 2] }, [1, 8, 2, 2]),
    fusedConvolution([1, 20, 7, 9], [70, 20, 3, 3], { groups: 5, silu: true }, [1, 70, 7, 9]),
    fusedConvolution([1, 20, 5, 7], [130, 20, 3, 3], { groups: 5, silu: true }, [1, 130, 5, 7]),
    fusedConvolution([2, 130, 4, 5], [17, 130, 3, 3], { factor: 2 }, [2, 17, 1, 1]),
    withMore(fusedConvolution([2, 6, 4, 6], [18, 16, 1, 1], { groups: 4, silu: true }, []), [2, 10, 4, 6]),
    withMore(fusedConvolution([1, 7, 3, 5], [20, 16, 3, 3], {}, [1, 20, 3, 5]), [1, 9, 3, 5]),
    ofTokens(fusedConvolution([2, 36, 3, 7], [21, 36, 1, 1], { tokensIn: true }, [2, 21, 21, 1])),
    ofTokens(fusedConvolution([1, 35, 1, 66], [17, 35, 1, 1], { tokensIn: true, tokensOut: true }, [])),
    fusedConvolution([2, 12, 5, 6], [19, 12, 1, 1], { groups: 3, tokensOut: true }, []),
  ],
};
