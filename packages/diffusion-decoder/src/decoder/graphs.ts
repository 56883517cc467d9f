import {
  add,
  concat,
  type Graph,
  graphOf,
  input,
  mul,
  split,
  sub,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { paramInputs } from '@emu-ts/params';
import {
  contextKeysValues,
  mapContext,
  namedContext,
  type UnetConfig,
  unet,
  unetParams,
} from '../unet/index.js';
import { type VaeConfig, vaeDecode, vaeParams } from '../vae/index.js';

/** What a denoising program is made for. */
export interface DenoiseShape {
  /** Pictures at once. */
  readonly batch: number;
  /** Each picture has a conditioned and an unconditioned prediction. */
  readonly guided: boolean;
  /** Rows of one condition. */
  readonly rows: number;
  /** Latent pixels. */
  readonly height: number;
  readonly width: number;
}

/** Width of the condition that a UNet takes. */
export const conditionWidth = ({ encoderHidWidth, levels }: UnetConfig): number =>
  encoderHidWidth ?? levels[0].contextWidth;

const conditionInput = (config: UnetConfig, { batch, guided, rows }: DenoiseShape): Value =>
  input('condition', tensorType('f32', [guided ? 2 * batch : batch, rows, conditionWidth(config)]));

/** `condition` [b n d] → keys and values by name: once per picture. */
export const contextGraph = (config: UnetConfig, shape: DenoiseShape): Graph =>
  graphOf(
    namedContext(contextKeysValues(paramInputs(unetParams(config)), conditionInput(config, shape), config)),
  );

/**
 * One model call: `latents` [b c h w], `encoding` [1 e] of the timestep, keys and values, and with guidance the scalar
 * `guidance` → `output` [b c h w].
 */
export function denoiseGraph(config: UnetConfig, shape: DenoiseShape): Graph {
  const p = paramInputs(unetParams(config));
  const { batch, guided, height, width } = shape;
  const latents = input('latents', tensorType('f32', [batch, config.inChannels, height, width]));
  const timesteps = input('encoding', tensorType('f32', [1, config.levels[0].channels]));
  const types = contextKeysValues(p, conditionInput(config, shape), config);
  const context = mapContext(types, (name, type) => input(name, type));
  if (!guided) return graphOf({ output: unet(p, { latents, timesteps, context }, config).output });
  const both = unet(p, { latents: concat([latents, latents], 0), timesteps, context }, config);
  return graphOf({ output: guide(both.output, input('guidance', tensorType('f32', []))) });
}

/**
 * Classifier-free guidance (Ho and Salimans, 2022): unconditioned + scale · (conditioned − unconditioned).
 *
 * @param predictions [2b c h w], the conditioned half first
 */
export function guide(predictions: Value, scale: Value): Value {
  const batch = predictions.shape[0] / 2;
  const [conditioned, unconditioned] = split(predictions, 0, [batch, batch]);
  return add(unconditioned, mul(scale, sub(conditioned, unconditioned)));
}

/** `latents` [1 c h w] of the UNet → `pixels` [1 3 H W] in −1…1. */
export function pixelsGraph(config: VaeConfig, height: number, width: number): Graph {
  const latents = input('latents', tensorType('f32', [1, config.latentChannels, height, width]));
  const own = mul(latents, 1 / config.scalingFactor);
  return graphOf({ pixels: vaeDecode(paramInputs(vaeParams(config)), own, config) });
}
