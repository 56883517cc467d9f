import { type Graph, graphOf, input, mul, tensorType, type Value } from '@emu-ts/graph';
import { paramInputs } from '@emu-ts/params';
import { samplerStepOp } from '../step/op.js';
import {
  contextKeysValues,
  mapContext,
  namedContext,
  type UnetConfig,
  unet,
  unetParams,
} from '../unet/index.js';
import { type VaeConfig, vaeDecode, vaeParams } from '../vae/index.js';

export interface ConditionShape {
  /** Pictures at once. */
  readonly batch: number;
  /** Each picture has a conditioned and an unconditioned prediction. */
  readonly guided: boolean;
  /** Rows of one condition. */
  readonly rows: number;
}

/** What a denoising program is made for. */
export interface DenoiseShape extends ConditionShape {
  /** Latent pixels. */
  readonly height: number;
  readonly width: number;
  /** Tensors that the sampler holds. */
  readonly slots: number;
}

/** Width of the condition that a UNet takes. */
export const conditionWidth = ({ encoderHidWidth, levels }: UnetConfig): number =>
  encoderHidWidth ?? levels[0].contextWidth;

const conditionInput = (config: UnetConfig, { batch, guided, rows }: ConditionShape): Value =>
  input('condition', tensorType('f32', [guided ? 2 * batch : batch, rows, conditionWidth(config)]));

/** `condition` [b n d] → keys and values by name: once per picture. */
export const contextGraph = (config: UnetConfig, shape: ConditionShape): Graph =>
  graphOf(
    namedContext(contextKeysValues(paramInputs(unetParams(config)), conditionInput(config, shape), config)),
  );

/** Inputs of a model call that the same outputs take the place of. */
export const denoiseDonation = { latents: 'latents', state: 'state' };

/**
 * One model call and the step after it: `latents` [b c h w], with guidance [2b c h w], the `state` [k b c h w] of the sampler
 * and what it is mixed with (`samplerStepOp`), `encoding` [1 e] of the timestep, keys and values, and with guidance the
 * scalar `guidance` → the next `latents` and `state`.
 */
export function denoiseGraph(config: UnetConfig, shape: DenoiseShape): Graph {
  const p = paramInputs(unetParams(config));
  const { batch, guided, height, width, slots } = shape;
  const picture = [config.inChannels, height, width];
  const latents = input('latents', tensorType('f32', [guided ? 2 * batch : batch, ...picture]));
  const timesteps = input('encoding', tensorType('f32', [1, config.levels[0].channels]));
  const types = contextKeysValues(p, conditionInput(config, shape), config);
  const context = mapContext(types, (name, type) => input(name, type));
  const { stateOut, seen } = samplerStepOp(
    {
      predictions: unet(p, { latents, timesteps, context }, config).output,
      state: input('state', tensorType('f32', [slots, batch, ...picture])),
      mixing: input('mixing', tensorType('f32', [slots + 1, slots + 1])),
      guidance: guided ? input('guidance', tensorType('f32', [])) : undefined,
    },
    {},
  );
  return graphOf({ latents: seen, state: stateOut });
}

/** `latents` [1 c h w] of the UNet → `pixels` [1 3 H W] in −1…1. */
export function pixelsGraph(config: VaeConfig, height: number, width: number): Graph {
  const latents = input('latents', tensorType('f32', [1, config.latentChannels, height, width]));
  const own = mul(latents, 1 / config.scalingFactor);
  return graphOf({ pixels: vaeDecode(paramInputs(vaeParams(config)), own, config) });
}
