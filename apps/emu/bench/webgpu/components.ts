import { causalTransformer14B, t5CausalTransformer } from '@emu-ts/causal-transformer';
import {
  emuUnetConfig,
  emuVaeConfig,
  unet,
  unetParams,
  vaeDecode,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import { full as constant, graphOf, input, iota, tensorType, type Value } from '@emu-ts/graph';
import {
  cachedAttentionOp,
  emu14bLlama,
  llamaModel,
  positionsFrom,
  type WeightDType,
} from '@emu-ts/language-model';
import { attention } from '@emu-ts/nn';
import { type Params, type ParamTree, paramInputs } from '@emu-ts/params';
import { evaClip, evaClipG14 } from '@emu-ts/visual-encoder';
import type { GpuCase } from './kernels.js';

/** B6 to B9 and B11: whole components. LLaMA stands with a tenth of its layers: times ten is the model. */
const f32 = (name: string, ...shape: number[]): Value => input(name, tensorType('f32', shape));
const weights = <const T extends ParamTree>(tree: T): Params<T> => paramInputs(tree, 'w');

export const slice = { layers: 4, of: 40 } as const;
export const llamaConfig = (full: boolean, stored: WeightDType) =>
  full
    ? { ...emu14bLlama, layers: slice.layers, weights: stored }
    : {
        ...emu14bLlama,
        layers: 2,
        width: 256,
        heads: 4,
        hiddenWidth: 352,
        vocabSize: 512,
        contextLength: 512,
        weights: stored,
      };

function vision(full: boolean, images: number): GpuCase {
  const config = full
    ? evaClipG14
    : { ...evaClipG14, layers: 1, width: 176, heads: 2, mlpWidth: 352, imageSize: 56 };
  return {
    name: `B6 visual-encoder ${config.layers} layers of ${config.width}, ${images} image${images > 1 ? 's' : ''}`,
    graph() {
      const model = evaClip(config);
      const side = config.imageSize;
      return graphOf({ y: model.forward(weights(model.params), f32('pixels', images, 3, side, side)) });
    },
  };
}

function queries(full: boolean): GpuCase {
  const config = full ? causalTransformer14B : { ...causalTransformer14B, layers: 1 };
  return {
    name: `B7 causal-transformer ${config.layers} layers, ${config.queries} queries`,
    graph() {
      const model = t5CausalTransformer(config);
      const seen = f32('features', 1, full ? 257 : 17, 1408);
      return graphOf({ y: model.forward(weights(model.params), seen) });
    },
  };
}

function prefill(full: boolean, stored: WeightDType, t: number): GpuCase {
  const config = llamaConfig(full, stored);
  return {
    name: `B8 language-model ${stored}, ${config.layers} layers of ${config.width}, prefill of ${t}`,
    graph() {
      const model = llamaModel(config);
      const hidden = model.read(weights(model.params), f32('embeddings', 1, t, config.width), {
        positions: iota([1, t], 1),
        attend: (_, operands, scale) => attention(operands, { scale, causal: true }),
      });
      return graphOf({ hidden });
    },
  };
}

/** One position behind a past, as decoding computes it. */
function step(full: boolean, stored: WeightDType): GpuCase {
  const config = llamaConfig(full, stored);
  const past = full ? 512 : 64;
  return {
    name: `B9 language-model ${stored}, ${config.layers} layers of ${config.width}, one position behind ${past}`,
    graph() {
      const model = llamaModel(config);
      const { heads, headSize } = model.cache;
      const [length, padding] = [constant([], past, 'i32'), iota([1], 0)];
      const kept = (name: string, layer: number) => f32(`${name}.${layer}`, 1, heads, past + 32, headSize);
      const hidden = model.read(weights(model.params), f32('embeddings', 1, 1, config.width), {
        positions: positionsFrom(length, padding, 1),
        attend: (layer, operands, scale) => {
          const held = { keys: kept('keys', layer), values: kept('values', layer), length, padding };
          return cachedAttentionOp({ ...operands, ...held }, { scale }).out;
        },
      });
      return graphOf({ hidden });
    },
  };
}

function denoise(full: boolean): GpuCase {
  const levels = emuUnetConfig.levels.map((level, i) => ({
    ...level,
    channels: 32 * Math.min(i + 1, 2),
    heads: 2,
  }));
  const config = full ? emuUnetConfig : { ...emuUnetConfig, sampleSize: 8, levels, timeWidth: 128 };
  const side = full ? 64 : 8;
  return {
    name: `B11 UNet step with guidance, latents ${side}²`,
    graph() {
      const p = weights(unetParams(config));
      const inputs = {
        latents: f32('latents', 2, 4, side, side),
        timesteps: f32('timesteps', 2),
        context: f32('context', 2, 32, 5120),
      };
      return graphOf({ y: unet(p, inputs, config).output });
    },
  };
}

function decode(full: boolean): GpuCase {
  const config = full ? emuVaeConfig : { ...emuVaeConfig, channels: [32, 32, 64, 64] };
  const side = full ? 64 : 8;
  return {
    name: `B11 VAE decoder, latents ${side}²`,
    graph: () =>
      graphOf({ y: vaeDecode(weights(vaeParams(config)), f32('latents', 1, 4, side, side), config) }),
  };
}

export const componentCases = (full: boolean): readonly GpuCase[] => [
  ...(full ? [1, 8] : [1]).map((images) => vision(full, images)),
  queries(full),
  ...(full ? (['f16', 'int4'] as const) : (['f32', 'int4'] as const)).flatMap((stored) =>
    (full ? [128, 512, 1024] : [32]).map((t) => prefill(full, stored, t)),
  ),
  step(full, 'int4'),
  denoise(full),
  decode(full),
];
