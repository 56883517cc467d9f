import { type HostTensor, tensor } from '@emu-ts/base';
import { concat, cos, literal, mul, pad, reshape, sin, type Value } from '@emu-ts/graph';
import { linear, linearParams, silu } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import type { UnetConfig } from './config.js';

/**
 * Timesteps as sines and cosines of falling frequency (Vaswani et al., 2017, section 3.5), then two layers. The encoding
 * comes twice, in a graph and on the host: at timestep 1000 the phase alone loses three digits of f32, and sines of large
 * arguments are the least exact thing a GPU does, so a sampler that knows its timesteps encodes them here.
 */
const period = 10_000;
const f32 = Math.fround;

/** Frequencies `[width / 2]`, in the rounding of the reference. */
function frequencies(width: number, freqShift: number): Float32Array {
  const half = Math.floor(width / 2);
  const rate = f32(-Math.log(period));
  return Float32Array.from({ length: half }, (_, i) => Math.exp(f32(f32(rate * i) / (half - freqShift))));
}

type EncodingConfig = Pick<UnetConfig, 'levels' | 'flipSinToCos' | 'freqShift'>;

const widthOf = ({ levels }: EncodingConfig): number => levels[0].channels;

/** The encoding of known timesteps, `[b c]` with the channels of the first level. */
export function encodeTimesteps(timesteps: readonly number[], config: EncodingConfig): HostTensor<'f32'> {
  const width = widthOf(config);
  const rates = frequencies(width, config.freqShift);
  const waves = config.flipSinToCos ? [Math.cos, Math.sin] : [Math.sin, Math.cos];
  const data = new Float32Array(timesteps.length * width);
  timesteps.forEach((t, row) => {
    waves.forEach((wave, half) => {
      rates.forEach((rate, i) => {
        data[row * width + half * rates.length + i] = wave(f32(t * rate));
      });
    });
  });
  return tensor('f32', [timesteps.length, width], data);
}

/** The same in a graph: timesteps [b] → [b c]. */
export function timestepEncoding(timesteps: Value, config: EncodingConfig): Value {
  const width = widthOf(config);
  const rates = frequencies(width, config.freqShift);
  const phase = mul(reshape(timesteps, [-1, 1]), literal('f32', [1, rates.length], Array.from(rates)));
  const waves = config.flipSinToCos ? [cos(phase), sin(phase)] : [sin(phase), cos(phase)];
  return pad(concat(waves, 1), [0, 0], [0, width % 2]);
}

export const timeEmbeddingParams = (width: number, timeWidth: number) => ({
  linear_1: linearParams(width, timeWidth),
  linear_2: linearParams(timeWidth, timeWidth),
});

/** Encoded timesteps [b c] → [b e] */
export const timeEmbedding = (p: Params<ReturnType<typeof timeEmbeddingParams>>, encoding: Value): Value =>
  linear(p.linear_2, silu(linear(p.linear_1, encoding)));
