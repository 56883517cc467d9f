import type { CallOptions } from '@emu-ts/base';
import { diffusersVae, renamed } from '@emu-ts/checkpoint';
import {
  cumulativeAlphas,
  parseSchedulerConfig,
  parseUnetConfig,
  parseVaeConfig,
  type UnetConfig,
  unetParams,
  type VaeConfig,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import { flatten, type Param, type ParamTree, type TensorSource } from '@emu-ts/params';
import { filesOf } from '../load/files.js';
import { findLayout, needPart } from '../load/layout.js';
import { openPart, readJson } from '../load/source.js';
import { startingFrom } from './model.js';
import { from, type ModelRecipe } from './recipe.js';

type Json = Readonly<Record<string, unknown>>;

/** The UNet and the autoencoder to train. Their weights are named `unet.…` and `vae.…`. Close it when done. */
export interface DecoderModel extends AsyncDisposable {
  readonly unet: { readonly tree: ParamTree; readonly config: UnetConfig };
  readonly vae: { readonly tree: ParamTree; readonly config: VaeConfig };
  /** ᾱ by timestep, and what the UNet predicts. */
  readonly alphas: Float32Array;
  readonly target: 'epsilon' | 'v';
  /** The configurations as files of the released layout. */
  readonly json: { readonly unet: Json; readonly vae: Json; readonly scheduler: Json };
  readonly start: TensorSource;
}

/**
 * Opens the decoder of a recipe's model: that of its checkpoint, or a fresh one of the sizes in the sections `unet`, `vae`
 * and `scheduler` of its configuration.
 * @throws EmuError `CHECKPOINT_LAYOUT`, `CONFIG`
 */
export async function openDecoder(
  { checkpoint }: ModelRecipe,
  { json, folder, seed, signal }: CallOptions & { json: Json | undefined; folder: string; seed: number },
): Promise<DecoderModel> {
  if (checkpoint === undefined) {
    const section = (name: string) => (json?.[name] ?? {}) as Json;
    const scheduler = { ...defaultScheduler, ...section('scheduler') };
    return assemble({ unet: section('unet'), vae: section('vae'), scheduler }, seed);
  }
  const files = filesOf(from(folder, checkpoint));
  const layout = await findLayout(files, { signal });
  const read = (part: 'unetConfig' | 'vaeConfig' | 'scheduler') =>
    readJson(files, needPart(files, layout, part), { signal });
  const configs = {
    unet: await read('unetConfig'),
    vae: await read('vaeConfig'),
    scheduler: await read('scheduler'),
  };
  const unet = await openPart(files, layout, 'unet', { signal });
  const vae = renamed(await openPart(files, layout, 'vae', { signal }), [diffusersVae]);
  return assemble(configs, seed, { unet, vae });
}

/** The noise of Stable Diffusion 1.x, and the sampler that Emu draws with. */
const defaultScheduler = {
  _class_name: 'PNDMScheduler',
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
} as const;

type Files = Readonly<Record<'unet' | 'vae', TensorSource & { close(): Promise<void> }>>;

function assemble(json: DecoderModel['json'], seed: number, files?: Files): DecoderModel {
  const [unetConfig, vaeConfig] = [parseUnetConfig(json.unet), parseVaeConfig(json.vae)];
  const { config: schedule } = parseSchedulerConfig(json.scheduler);
  const unet = { tree: { unet: unetParams(unetConfig) } as unknown as ParamTree, config: unetConfig };
  const vae = { tree: { vae: vaeParams(vaeConfig) } as unknown as ParamTree, config: vaeConfig };
  const declared = new Map<string, Param>([...flatten(unet.tree), ...flatten(vae.tree)]);
  return {
    unet,
    vae,
    alphas: cumulativeAlphas(schedule),
    target: schedule.predictionType === 'epsilon' ? 'epsilon' : 'v',
    json,
    start: startingFrom(declared, files && prefixed(files), seed),
    [Symbol.asyncDispose]: async () => {
      await files?.unet.close();
      await files?.vae.close();
    },
  };
}

/** Both files as one source, each name below that of its part. */
function prefixed(files: Files): TensorSource {
  const parts = Object.entries(files);
  const named = parts.flatMap(([part, { entries }]) =>
    [...entries].map(([name, type]) => [`${part}.${name}`, type] as const),
  );
  return {
    entries: new Map(named),
    read(name, options) {
      const dot = name.indexOf('.');
      return files[name.slice(0, dot) as keyof Files].read(name.slice(dot + 1), options);
    },
  };
}
