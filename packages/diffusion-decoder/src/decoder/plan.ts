import { EmuError, type HostTensor, random, ShapeError, sizeOf } from '@emu-ts/base';
import type { DecodeImageOptions, Scheduler } from '@emu-ts/contracts';
import { type AnyTensor, formatType, isDeviceTensor } from '@emu-ts/graph';
import type { SchedulerSet } from '../schedulers/index.js';
import type { UnetConfig } from '../unet/index.js';
import { downscaleOf, type VaeConfig } from '../vae/index.js';
import { type ConditionShape, conditionWidth } from './graphs.js';

/** What is used where a call does not say. */
export interface DecodeDefaults {
  readonly steps: number;
  readonly guidanceScale: number;
  readonly height: number;
  readonly width: number;
  /** By name; absent: the first of the decoder's. */
  readonly scheduler?: string | undefined;
}

/** A call with everything checked and decided. */
export interface Plan extends ConditionShape {
  /** Latent pixels. */
  readonly height: number;
  readonly width: number;
  readonly guidanceScale: number;
  readonly scheduler: Scheduler;
  /** Start noise N(0, 1), `[batch c height width]` */
  readonly noise: Float32Array;
}

interface Scope {
  readonly unet: UnetConfig;
  readonly vae: VaeConfig;
  readonly schedulers: SchedulerSet;
  readonly defaults: DecodeDefaults;
}

/** @throws EmuError before anything is computed */
export function planDecode(condition: AnyTensor, options: DecodeImageOptions, scope: Scope): Plan {
  const { unet, vae, schedulers, defaults } = scope;
  const { steps = defaults.steps, guidanceScale = defaults.guidanceScale, candidates = 1 } = options;
  if (candidates !== 1)
    throw new EmuError('CANDIDATES', `This decoder gives what it draws, wanted one of ${candidates}.`, {
      hint: 'choosing(decoder, { look }) draws several and keeps one.',
    });
  if (!Number.isFinite(guidanceScale))
    throw new EmuError('GUIDANCE', `guidanceScale must be a finite number, got ${guidanceScale}.`);
  const guided = guidanceScale > 1;
  const { batch, rows } = conditionShape(condition, guided, conditionWidth(unet));
  const downscale = downscaleOf(vae);
  const [height, width] = (['height', 'width'] as const).map((side) =>
    latentSide(side, options[side] ?? defaults[side], downscale),
  );
  const shape = [batch, unet.inChannels, height, width];
  return {
    batch,
    guided,
    rows,
    height,
    width,
    guidanceScale,
    scheduler: chooseScheduler(options.scheduler ?? defaults.scheduler, schedulers)(steps),
    noise: options.latents ? givenNoise(options.latents, shape) : seededNoise(options.seed ?? 0, shape),
  };
}

function conditionShape(condition: AnyTensor, guided: boolean, width: number) {
  const [all = 0, rows, d] = condition.shape;
  if (condition.dtype !== 'f32' || condition.shape.length !== 3 || d !== width || rows < 1)
    throw new ShapeError(`The condition must be f32[b,n,${width}], got ${formatType(condition)}.`);
  if (all < 1 || (guided && all % 2 !== 0))
    throw new ShapeError(
      `With guidance the condition holds as many negatives as prompts, got ${formatType(condition)}.`,
      { hint: 'Append the negative rows, or set guidanceScale to 1.' },
    );
  return { batch: guided ? all / 2 : all, rows };
}

function latentSide(side: string, pixels: number, downscale: number): number {
  if (!Number.isInteger(pixels) || pixels < downscale || pixels % downscale !== 0)
    throw new EmuError('IMAGE_SIZE', `${side} must be a multiple of ${downscale} pixels, got ${pixels}.`);
  return pixels / downscale;
}

function chooseScheduler(wanted: DecodeImageOptions['scheduler'], { named, default: usual }: SchedulerSet) {
  if (typeof wanted === 'function') return wanted;
  const name = wanted ?? usual;
  if (!Object.hasOwn(named, name))
    throw new EmuError('SCHEDULER', `No scheduler is named '${name}'.`, {
      hint: `There are ${Object.keys(named).join(', ')}.`,
    });
  return named[name];
}

function givenNoise(latents: HostTensor, shape: readonly number[]): Float32Array {
  if (isDeviceTensor(latents) || latents.dtype !== 'f32' || latents.shape.join() !== shape.join())
    throw new ShapeError(`Start latents must be f32[${shape}] in host memory, got ${formatType(latents)}.`);
  return latents.data as Float32Array;
}

/** Each picture draws from a stream of its own, so that the first does not depend on how many there are. */
function seededNoise(seed: number, [batch, ...picture]: readonly number[]): Float32Array {
  if (!Number.isSafeInteger(seed))
    throw new EmuError('SEED', `The seed must be an integer up to 2^53, got ${seed}.`);
  const length = sizeOf(picture);
  const noise = new Float32Array(batch * length);
  for (let i = 0; i < batch; i++) noise.set(random(seed, i).normal(length), i * length);
  return noise;
}
