import { type EvaClipConfig, evaClip } from '@emu-ts/visual-encoder';
import { describe, expect, it } from 'vitest';
import { vision } from '../model/config.js';
import { freshWeights } from './start.js';

const neighbours = [
  [-1, -1],
  [-1, 0],
  [-1, 1],
  [0, -1],
  [0, 1],
  [1, -1],
  [1, 0],
  [1, 1],
];

/** Which token each head of the first layer would look at from `token`, by places alone. */
function looksAt({ width, heads }: EvaClipConfig, token: number): number[] {
  const weights = freshWeights(evaClip(vision).params, vision, 1);
  const places = weights.get('visual.pos_embed')?.data as Float32Array;
  const qkv = weights.get('visual.blocks.0.attn.qkv.weight')?.data as Float32Array;
  const project = (row: number, at: number) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += qkv[row * width + i] * places[at * width + i];
    return sum;
  };
  const tokens = places.length / width;
  const size = width / heads;
  return Array.from({ length: heads }, (_, head) => {
    const scores = Array.from({ length: tokens }, (_, other) => {
      let score = 0;
      for (let i = head * size; i < (head + 1) * size; i++)
        score += project(i, token) * project(width + i, other);
      return score;
    });
    return scores.indexOf(Math.max(...scores));
  });
}

describe('freshWeights', () => {
  it('lets each head begin at one neighbour', () => {
    const grid = vision.imageSize / vision.patchSize;
    const [row, column] = [3, 4];
    const wanted = neighbours.map(([dy, dx]) => 1 + (row + dy) * grid + column + dx);
    expect(looksAt(vision, 1 + row * grid + column)).toEqual(wanted);
  });

  it('depends on the seed and the name alone', () => {
    const params = evaClip(vision).params;
    const name = 'visual.blocks.1.mlp.fc1.weight';
    const once = freshWeights(params, vision, 1).get(name)?.data;
    expect(freshWeights(params, vision, 1).get(name)?.data).toEqual(once);
    expect(freshWeights(params, vision, 2).get(name)?.data).not.toEqual(once);
  });
});
