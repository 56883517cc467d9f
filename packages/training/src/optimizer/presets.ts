import type { OptimizerOptions } from './groups.js';

/**
 * How the released model was pretrained: AdamW with β 0.9 and 0.98, a peak rate per component, warm-up over the first
 * fifth of the run and then a cosine (`warmupCosine({ steps, warmup: 0.2 * steps })`), everything trained. No clipping
 * was published; 1 is the usual choice.
 */
export const emuPretraining: OptimizerOptions = {
  betas: [0.9, 0.98],
  eps: 1e-6,
  weightDecay: 0.05,
  groups: [
    { name: 'vision', match: ['visual.**', 'ln_visual.**'], rate: 4e-5 },
    { name: 'causal-transformer', match: ['cformer.**'], rate: 1e-4 },
    { name: 'language-model', match: ['decoder.**'], rate: 3e-5 },
  ],
  noDecay: ['visual.pos_embed', 'visual.cls_token'],
  clipNorm: 1,
};

/** Fine-tuning of the UNet: the peak rate is held, then cut; see `milestones`. */
export const emuDecoderTraining: OptimizerOptions = {
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 1e-2,
  groups: [{ name: 'unet', match: ['**'], rate: 1e-4 }],
};

/**
 * Instruction tuning: only the low-rank matrices of the attention projections and the rows of the two new tokens.
 * @param firstRow the first of the new rows, 32004 in the released model
 */
export const emuInstructionTuning = (firstRow: number): OptimizerOptions => ({
  betas: [0.9, 0.98],
  eps: 1e-6,
  weightDecay: 0,
  groups: [{ name: 'lora', match: ['**'], rate: 1e-5 }],
  trainable: ['**.lora_A.**', '**.lora_B.**', '**.embed_tokens.weight', '**.lm_head.weight'],
  rows: { '**.embed_tokens.weight': firstRow, '**.lm_head.weight': firstRow },
  clipNorm: 1,
});
