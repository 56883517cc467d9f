/**
 * The names of the released Emu files and of the libraries that write them again. Inside emu-ts the names are those
 * of the released layout: peft 0.3 (`.default`, no `.base_layer`) for the instruction-tuned model, diffusers ≥ 0.18
 * attention names for the VAE.
 */
import type { RenameTable } from './renamed.js';

/** Tensors that files carry and no model uses. */
export const unusedTensors: RenameTable = {
  name: 'unused tensors',
  rules: [
    { match: /(^|\.)rotary_emb\.inv_freq$/, ignore: 'rotary frequencies are computed, not loaded' },
    {
      match: /(^|\.)cformer\.cformer\.embed_tokens\.weight$/,
      ignore: 'the C-Former has learned queries; its token embedding table is never used',
    },
  ],
};

/** `torch.nn.DataParallel` and its distributed form put `module.` before every name. */
export const dataParallel: RenameTable = {
  name: 'data parallel',
  rules: [{ match: /^module\./, to: '' }],
};

/** Weight names of peft: ≥ 0.7 inserts `.base_layer`, adapter files leave out the adapter's name. */
const peftWeights: RenameTable['rules'] = [
  { match: /\.base_layer\.(weight|bias)$/, to: '.$1' },
  { match: /\.(lora_[AB])\.weight$/, to: '.$1.default.weight' },
];

const languageModel = '(model\\.|lm_head\\.|stu_regress_head\\.)';

/** Any variant of the instruction-tuned model's names → the released ones, with peft prefix and `.default`. */
export const emuInstruct: RenameTable = {
  name: 'Emu instruct',
  rules: [
    ...peftWeights,
    { match: /^base_model\.model\./, to: 'decoder.lm.base_model.model.' },
    { match: new RegExp(`^decoder\\.lm\\.${languageModel}`), to: 'decoder.lm.base_model.model.$1' },
  ],
};

/** Any variant of the pretrained model's names → the released ones, without the peft prefix. */
export const emuPretrain: RenameTable = {
  name: 'Emu pretrain',
  rules: [
    ...peftWeights,
    { match: /^base_model\.model\./, to: 'decoder.lm.base_model.model.' },
    { match: new RegExp(`^decoder\\.lm\\.base_model\\.model\\.${languageModel}`), to: 'decoder.lm.$1' },
  ],
};

/** VAE attention of diffusers < 0.18, and 1×1 convolutions of the original layout → names and shapes of today. */
export const diffusersVae: RenameTable = {
  name: 'diffusers VAE',
  rules: [
    { match: /(\.attentions\.\d+)\.query\.(weight|bias)$/, to: '$1.to_q.$2' },
    { match: /(\.attentions\.\d+)\.key\.(weight|bias)$/, to: '$1.to_k.$2' },
    { match: /(\.attentions\.\d+)\.value\.(weight|bias)$/, to: '$1.to_v.$2' },
    { match: /(\.attentions\.\d+)\.proj_attn\.(weight|bias)$/, to: '$1.to_out.0.$2' },
    { match: /\.attentions\.\d+\.(to_[qkv]|to_out\.0)\.weight$/, as: 'linear' },
  ],
};

/** The other way round, for files that diffusers < 0.18 shall read. */
export const diffusersVaeBefore018: RenameTable = {
  name: 'diffusers VAE before 0.18',
  rules: [
    { match: /(\.attentions\.\d+)\.to_q\.(weight|bias)$/, to: '$1.query.$2' },
    { match: /(\.attentions\.\d+)\.to_k\.(weight|bias)$/, to: '$1.key.$2' },
    { match: /(\.attentions\.\d+)\.to_v\.(weight|bias)$/, to: '$1.value.$2' },
    { match: /(\.attentions\.\d+)\.to_out\.0\.(weight|bias)$/, to: '$1.proj_attn.$2' },
    { match: /\.attentions\.\d+\.(query|key|value|proj_attn)\.weight$/, as: 'linear' },
  ],
};

/** UNet files with `use_linear_projection` keep the block projections as linear weights; here they are 1×1 convolutions. */
export const diffusersUnet: RenameTable = {
  name: 'diffusers UNet',
  rules: [{ match: /\.attentions\.\d+\.proj_(in|out)\.weight$/, as: 'convolution' }],
};
