import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  { name: 'twice', inputs: { x: f32(2, 2, 2, 3) }, attrs: { factor: 2 } },
  { name: 'thrice', inputs: { x: f32(1, 1, 2, 1) }, attrs: { factor: 3 } },
  { name: 'VAE', inputs: { x: f32(1, 512, 64, 64) }, attrs: { factor: 2 }, benchOnly: true },
];
