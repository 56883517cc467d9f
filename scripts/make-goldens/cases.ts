import type { Recipe } from './recipe.js';

/** What the cases of every recipe have in common: the kinds of prompt that the reference was asked. */
const question = '{image}There is';

export const generation: Recipe['generation'] = {
  greedy: { prompts: [question], images: 1, options: { num_beams: 1, max_new_tokens: 9 } },
  greedy_text_only: {
    prompts: ['What color is the'],
    images: null,
    options: { num_beams: 1, max_new_tokens: 7 },
  },
  by_default: { prompts: ['A {image} and'], images: 1, options: { max_new_tokens: 6 } },
  'beam4_lp-1_min6': {
    prompts: [question],
    images: 1,
    options: { num_beams: 4, max_new_tokens: 11, min_length: 6, length_penalty: -1 },
  },
  beam3_rep: {
    prompts: ['{image}{image}'],
    images: 2,
    options: { num_beams: 3, max_new_tokens: 8, repetition_penalty: 1.4 },
  },
  beam2_ngram2: {
    prompts: [question],
    images: 1,
    options: { num_beams: 2, max_new_tokens: 10, no_repeat_ngram_size: 2, length_penalty: 1 },
  },
  beam3_return2: {
    prompts: [question],
    images: 1,
    options: { num_beams: 3, max_new_tokens: 6, num_captions: 2 },
  },
  shots: {
    prompts: ['{image}One star.{image}Two boats.{image}'],
    images: 3,
    options: { num_beams: 2, max_new_tokens: 5 },
  },
  template: {
    prompts: [
      'You will be presented with an image: [IMG]ImageContent[/IMG]. You will be able to see the image after I provide it to you. Please answer my questions based on the given image. [USER]: {image}what is it? [ASSISTANT]:',
    ],
    images: 1,
    options: { num_beams: 2, max_new_tokens: 5 },
  },
  batch_of_three: {
    prompts: ['{image}There is a', 'No picture here', 'Left {image} and right {image} of it'],
    images: 3,
    options: { num_beams: 1, max_new_tokens: 6 },
  },
  batch_beam: {
    prompts: ['a small {image}', '{image}'],
    images: 2,
    options: { num_beams: 3, max_new_tokens: 6, num_captions: 2 },
  },
  trie: {
    prompts: [question],
    images: 1,
    options: { num_beams: 3, max_new_tokens: 20 },
    answers: ['yes.', 'no.', 'maybe not'],
  },
};

export const rank: Recipe['rank'] = {
  prompts: ['{image}There is'],
  images: 1,
  candidates: ['a red circle', 'two', 'no', 'a large blue hexagon'],
};

export const drawings: Recipe['drawings'] = {
  words: { text: ['A dog with a hat.', ''], images: 0 },
  blend: { text: ['[<IMG_PLH>][<IMG_PLH>]', ''], images: 2 },
  document: { text: ['The first: [<IMG_PLH>] and the second: [<IMG_PLH>]now draw: ', ''], images: 2 },
};

/** Pictures of a decoder whose finest step is `unit` pixels. */
export const pipelines = (unit: number): Recipe['pipelines'] => ({
  words: {
    inputs: ['A yellow star.'],
    guidance_scale: 5,
    num_inference_steps: 3,
    height: 5 * unit,
    width: 3 * unit,
  },
  blend: {
    inputs: ['images/0.png', 'images/1.png'],
    guidance_scale: 7.5,
    num_inference_steps: 4,
    height: 4 * unit,
    width: 4 * unit,
  },
  other: {
    inputs: ['like this: ', 'images/2.png'],
    guidance_scale: 1,
    num_inference_steps: 2,
    height: 3 * unit,
    width: 6 * unit,
  },
});

export const schedulers: Recipe['schedulers'] = {
  pndm: [4, 13],
  ddim: [3],
  dpmpp2m: [3, 9],
  dpmpp2m_karras: [6],
  euler: [7],
  euler_karras: [5],
};

export const sampling: Recipe['sampling'] = [
  'top_k7',
  'top_p85',
  'temperature14',
  'repetition12',
  'no_repeat_ngram2',
  'no_repeat_ngram4',
];

export const texts: Recipe['texts'] = [
  '',
  'Hello world',
  ' two  spaces ',
  '[IMG]<image><image>[/IMG]There are two dogs.',
  '世界 naïve café',
  'mixed [USER]: hi',
  '<s> literal </s>',
  'tab\tnew\nline',
];

export const adamw: Recipe['config']['adamw'] = {
  lr: 0.002,
  betas: [0.9, 0.98],
  eps: 1e-6,
  weight_decay: 0.03,
  clip_norm: 0.7,
};
