import { drawing } from './drawing.js';

/** From noise: what the encoder sees first, what the language model predicts more and more. */
export const drawStage = drawing({
  name: 'draw',
  updates: 4500,
  pictures: 16_000,
  first: 2,
  rate: 1e-3,
  model: ['interleave'],
  seenShare: (progress) => Math.max(0.2, 1 - 1.6 * progress),
});

/** Outlines: embeddings as the encoder sees them say exactly what is to be drawn. */
export const paintStage = drawing({
  name: 'paint',
  updates: 2017,
  pictures: 24_000,
  first: 21,
  rate: 1e-3,
  model: ['interleave', 'look'],
  from: 'draw',
  seenShare: () => 1,
});

/** What the language model predicts is less exact, and what the decoder will be given. */
export const renderStage = drawing({
  name: 'render',
  updates: 1500,
  pictures: 10_000,
  first: 31,
  rate: 8e-4,
  model: ['read'],
  from: 'paint',
  seenShare: () => 0.3,
});

/** Products and kernels inside the UNet. */
const products = ['down_blocks.**.weight', 'mid_block.**.weight', 'up_blocks.**.weight'];

/** From what is seen again, half of it without colour: shapes are not to belong to the colours they are seen in. */
export const repaintStage = drawing({
  name: 'repaint',
  updates: 2200,
  pictures: 16_000,
  first: 61,
  rate: 1e-3,
  model: ['interleave', 'distinguish'],
  from: 'render',
  grey: 0.5,
  muon: products,
  seenShare: () => 1,
});

/** What the language model predicts from then on. */
export const refineStage = drawing({
  name: 'refine',
  updates: 900,
  pictures: 8_000,
  first: 71,
  rate: 8e-4,
  model: ['study'],
  from: 'repaint',
  grey: 0.3,
  muon: products,
  seenShare: () => 0.1,
});

/** From what `trace` sees. */
export const retouchStage = drawing({
  name: 'retouch',
  updates: 1500,
  pictures: 12_000,
  first: 91,
  rate: 1e-3,
  model: ['interleave', 'trace'],
  from: 'refine',
  grey: 0.4,
  muon: products,
  seenShare: () => 1,
});

/** What the language model predicts in the end. */
export const finishStage = drawing({
  name: 'finish',
  updates: 800,
  pictures: 8_000,
  first: 101,
  rate: 8e-4,
  model: ['revise'],
  from: 'retouch',
  grey: 0.3,
  muon: products,
  seenShare: () => 0.2,
});
