import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fixture } from '@emu-ts/testing';

/** A model and data that train in seconds: what the tests of training share. */

const positions = {
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 16,
  layer_norm_epsilon: 1e-6,
};

/** Sizes of the multimodal encoder, as a recipe has them. */
export const small = {
  emu: {
    embed_dim: 8,
    vision_cfg: { image_size: 28, layers: 1, width: 24, head_width: 12, mlp_ratio: 2, patch_size: 14 },
    vladapter_cfg: { name: 'cformer', n_causal: 2 },
  },
  t5: { d_model: 16, d_kv: 8, d_ff: 24, num_layers: 1, num_decoder_layers: 1, num_heads: 2, ...positions },
  llama: {
    hidden_size: 20,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 160,
    initializer_range: 0.1,
  },
};

const blocks = { block_out_channels: [8, 16], norm_num_groups: 4, layers_per_block: 1 };

/** Sizes of the image decoder. */
export const smallDecoder = {
  unet: {
    ...blocks,
    sample_size: 4,
    down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
    cross_attention_dim: small.llama.hidden_size,
    attention_head_dim: 2,
  },
  vae: {
    ...blocks,
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  },
};

/**
 * Three pictures in three forms: `pairs.jsonl`, whose fourth row has none, the folder `pictures`, and the dialogues
 * `talks.json`, of which the third names one that is not there; and `labels.jsonl`, whose first row has a label that no
 * other has.
 */
export async function writeSmallData(dir: string): Promise<void> {
  const pictures = [0, 1, 2].map((i) => fixture('goldens', 'images', `${i}.png`));
  await mkdir(path.join(dir, 'pictures'));
  for (const [i, picture] of pictures.entries()) {
    await writeFile(path.join(dir, `${i}.png`), await readFile(picture));
    await writeFile(path.join(dir, 'pictures', `${i}.png`), await readFile(picture));
    await writeFile(path.join(dir, 'pictures', `${i}.txt`), `this is number ${i}`);
  }
  const jsonl = (name: string, rows: readonly unknown[]) =>
    writeFile(path.join(dir, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const pairs = [0, 1, 2].map((i) => ({ image: `${i}.png`, text: `a picture of number ${i}` }));
  await jsonl('pairs.jsonl', [...pairs, { text: 'no picture' }]);
  const labels = [['zero'], 'one, odd', []].map((given, i) => ({ image: `${i}.png`, labels: given }));
  await jsonl('labels.jsonl', [{ image: '0.png', labels: ['a stranger'] }, ...labels]);
  const talks = [0, 1].map((i) => ({
    image: `${i}.png`,
    conversations: [
      { from: 'human', value: '<image>\nwhat is this?' },
      { from: 'gpt', value: `it is number ${i}.` },
    ],
  }));
  const broken = { image: 'nowhere.png', conversations: talks[0].conversations };
  await writeFile(path.join(dir, 'talks.json'), JSON.stringify([...talks, broken]));
}
