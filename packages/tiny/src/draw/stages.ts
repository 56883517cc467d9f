import { drawing } from './drawing.js';

/** From noise: embeddings as the encoder sees them say exactly what is to be drawn. */
export const paintStage = drawing({
  name: 'paint',
  updates: 12_000,
  pictures: 40_000,
  first: 2,
  rate: 2e-3,
  eyes: 'see',
  grey: 0.4,
  seen: 1,
});

/** What language models predict is less exact, and what the decoder will be given. */
export const finishStage = drawing({
  name: 'finish',
  updates: 5000,
  pictures: 20_000,
  first: 3,
  rate: 8e-4,
  eyes: 'read',
  from: 'paint',
  grey: 0.3,
  seen: 0.2,
});
