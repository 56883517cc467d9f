import { interpreter } from '@emu-ts/graph';
import { serveGradients } from '../src/parallel/serve.js';
import { toyStep, toyWeights } from './toy.js';

/** A worker thread for the toy. */
await serveGradients(async () => ({
  executor: interpreter(),
  step: toyStep({ accumulate: 4 }),
  weights: toyWeights(),
}));
