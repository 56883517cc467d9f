import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type CallOptions, convert, type HostTensor } from '@emu-ts/base';
import { memoryCheckpoint, writeSafetensors } from '@emu-ts/checkpoint';
import { unetParams, vaeParams } from '@emu-ts/diffusion-decoder';
import { flatten, type ParamTree, type TensorSource } from '@emu-ts/params';
import { saveAdapter } from '@emu-ts/training';
import { vaeConfig } from '../draw/autoencode-stage.js';
import { unetConfig } from '../draw/drawing.js';
import { scaleOf } from '../draw/latents.js';
import { llama, lora } from '../model/config.js';
import { schedulerJson, unetJson, vaeJson } from '../model/decoder.js';
import { smallEmu, tokenizerOf } from '../model/model.js';
import { type Workshop, weightsOf } from '../train/stage.js';
import { configJson } from './config-json.js';

/** Weights that the model never reads: `visual.norm` and the CLIP head. */
const dormant = /^visual\.(norm|head)\./;

/**
 * Writes what the stages left as a model in the released layout, in half precision: `multimodal_encoder/`, `unet/`,
 * `vae/`, `scheduler/`, `tokenizer.model`, `config.json`, and the instruction-tuned variant as peft's adapter.
 */
export async function exportModel(
  workshop: Omit<Workshop, 'seed'>,
  folder: string,
  options: CallOptions = {},
): Promise<void> {
  const at = async (...parts: string[]) => {
    const file = path.join(folder, ...parts);
    await mkdir(path.dirname(file), { recursive: true });
    return file;
  };
  const json = async (value: unknown, ...parts: string[]) =>
    writeFile(await at(...parts), `${JSON.stringify(value, null, 2)}\n`);
  const save = async (tree: ParamTree, source: TensorSource, ...parts: string[]) => {
    const tensors = new Map<string, HostTensor>();
    for (const name of flatten(tree).keys()) {
      if (!dormant.test(name)) tensors.set(name, convert(await source.read(name, options), 'f16'));
    }
    await writeSafetensors(await at(...parts), memoryCheckpoint(tensors), {
      metadata: { format: 'pt' },
      ...options,
    });
  };
  const { tokenizerModel } = workshop;
  await writeFile(await at('tokenizer.model'), tokenizerModel);
  const words = tokenizerOf(tokenizerModel, 'base').size;
  await json(configJson(words), 'config.json');

  await using base = await weightsOf(workshop, 'read');
  await save(smallEmu(words, 'base').whole.params, base, 'multimodal_encoder', 'pytorch_model.safetensors');

  await using tuned = await weightsOf(workshop, 'instruct');
  // An adapter never takes another's place by itself.
  await rm(path.join(folder, 'instruct'), { recursive: true, force: true });
  await saveAdapter(path.join(folder, 'instruct'), tuned, {
    ...lora,
    tables: true,
    dtype: 'f16',
    ...options,
  });

  await using vae = await weightsOf(workshop, 'autoencode');
  await save(vaeParams(vaeConfig), vae, 'vae', 'diffusion_pytorch_model.safetensors');
  const factor = await scaleOf({ ...workshop, weights: vae, ...options });
  await json({ ...vaeJson, scaling_factor: factor }, 'vae', 'config.json');

  await using unet = await weightsOf(workshop, 'finish', { averages: true });
  await save(unetParams(unetConfig), unet, 'unet', 'diffusion_pytorch_model.safetensors');
  await json(unetJson(llama(1).width), 'unet', 'config.json');
  await json(schedulerJson, 'scheduler', 'scheduler_config.json');
}
