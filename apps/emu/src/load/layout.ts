import { EmuError } from '@emu-ts/base';
import type { CheckpointFiles, FindOptions } from './files.js';

/** Weights in the order of preference: safetensors are mapped and checked, pickles are read by the restricted reader. */
const weights = (stem: string) => [
  `${stem}.safetensors`,
  `${stem}.safetensors.index.json`,
  `${stem}.bin`,
  `${stem}.bin.index.json`,
];

/**
 * Where the parts of the released layout may lie. The first that exists is taken; everything may stand under
 * `pretrain/`, as in the released folder, and the instruction-tuned model beside it: whole, or as peft's adapter to the
 * pretrained one.
 */
const parts = {
  pretrained: weights('multimodal_encoder/pytorch_model').concat(weights('multimodal_encoder/model')),
  instruct: ['Emu-instruct', 'emu-instruct', '../Emu-instruct', '../emu-instruct'].flatMap((stem) => [
    `${stem}.safetensors`,
    `${stem}.pt`,
  ]),
  adapter: ['instruct/adapter_model.safetensors', 'adapter_model.safetensors'],
  config: ['emu.json', 'config.json', '../config.json'],
  tokenizer: ['tokenizer.model', '../tokenizer.model'],
  unetConfig: ['unet/config.json'],
  unet: weights('unet/diffusion_pytorch_model'),
  vaeConfig: ['vae/config.json'],
  vae: weights('vae/diffusion_pytorch_model'),
  scheduler: ['scheduler/scheduler_config.json'],
  safetyConfig: ['safety_checker/config.json'],
  safety: [...weights('safety_checker/pytorch_model'), ...weights('safety_checker/model')],
  featureExtractor: ['feature_extractor/preprocessor_config.json'],
} as const;

export type LayoutPart = keyof typeof parts;

/** The path of every part that is there. */
export type Layout = Readonly<Partial<Record<LayoutPart, string>>>;

/** Looks for every part of the released layout. */
export async function findLayout(files: CheckpointFiles, options: FindOptions = {}): Promise<Layout> {
  const layout: Partial<Record<LayoutPart, string>> = {};
  for (const [part, names] of Object.entries(parts)) {
    const candidates = [...names, ...names.map((name) => `pretrain/${name}`)];
    for (const candidate of candidates) {
      if (!(await files.find(candidate, options))) continue;
      layout[part as LayoutPart] = candidate;
      break;
    }
  }
  return layout;
}

/** The path of a part that must be there. */
export function needPart(files: CheckpointFiles, layout: Layout, part: LayoutPart): string {
  const path = layout[part];
  if (path) return path;
  throw new EmuError(
    'CHECKPOINT_LAYOUT',
    `${files.name} has no ${part}: looked for ${parts[part].join(', ')}.`,
    {
      hint: 'Give the folder in the released layout: multimodal_encoder, unet, vae, scheduler and tokenizer.model.',
    },
  );
}
