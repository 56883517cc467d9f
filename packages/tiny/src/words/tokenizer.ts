import { trainBpe } from '@emu-ts/tokenizer';
import { corpus } from './corpus.js';

/** Learns the small model's tokenizer from what the shapes world writes. @returns the bytes of `tokenizer.model` */
export const learnTokenizer = (seed: number): Uint8Array =>
  trainBpe(corpus({ seed, samples: 6000 }), { vocabSize: 700 });
