import { type CallOptions, convert, type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import type { Scheduler, SchedulerState } from '@emu-ts/contracts';
import { type AnyTensor, type DeviceTensor, isDeviceTensor } from '@emu-ts/graph';
import { isLinear, type LinearScheduler } from '../schedulers/index.js';
import { mixings, slotsOf } from '../step/mixing.js';
import type { Plan } from './plan.js';

/** The way of a sampler from noise to data: what each model call is given, and what becomes of its answer. */
export interface Walk extends Disposable {
  /** Tensors in the state that the denoising program is compiled for. */
  readonly slots: number;
  /** For call `i`, beside timestep and condition. A program that takes them hands back others in their place. */
  inputs(i: number): { readonly latents: AnyTensor; readonly state: AnyTensor; readonly mixing: HostTensor };
  /** Takes over what call `i` gave. */
  take(i: number, given: Readonly<Record<string, DeviceTensor>>, options: CallOptions): Promise<void>;
  /** The sample now. */
  sample(options: CallOptions): Promise<Float32Array>;
  /** The finished sample as far as the model could see it at the last call. */
  clean(options: CallOptions): Promise<Float32Array>;
}

type Start = Pick<Plan, 'scheduler' | 'noise' | 'guided'> & {
  /** [b c h w] of the latents */
  readonly shape: readonly number[];
};

/** A table of numbers is walked where the model runs; any other sampler is asked here, after every call. */
export const walk = (start: Start): Walk =>
  isLinear(start.scheduler) ? new DeviceWalk(start, start.scheduler) : new HostWalk(start);

/** Nothing is read until somebody asks: samples and history come out of one call and go into the next. */
class DeviceWalk implements Walk {
  readonly slots: number;
  readonly #mixings: readonly HostTensor[];
  #latents: AnyTensor;
  #state: AnyTensor;

  constructor(start: Start, scheduler: LinearScheduler) {
    const { noise, shape } = start;
    const sample = noise.map((x) => x * scheduler.initialSigma);
    this.slots = slotsOf(scheduler);
    this.#mixings = mixings(scheduler, this.slots);
    const state = new Float32Array(this.slots * sample.length);
    state.set(sample);
    state.set(sample, sample.length);
    this.#state = tensor('f32', [this.slots, ...shape], state);
    this.#latents = seenBy(start, scheduler.scaleInput(sample, 0));
  }

  inputs(i: number) {
    return { latents: this.#latents, state: this.#state, mixing: this.#mixings[i] };
  }

  async take(_: number, { latents, state }: Readonly<Record<string, DeviceTensor>>): Promise<void> {
    this.#latents = latents;
    this.#state = state;
  }

  sample(options: CallOptions): Promise<Float32Array> {
    return this.#slot(0, options);
  }

  clean(options: CallOptions): Promise<Float32Array> {
    return this.#slot(this.slots - 1, options);
  }

  async #slot(slot: number, { signal }: CallOptions): Promise<Float32Array> {
    const held = this.#state;
    const { data } = convert(isDeviceTensor(held) ? await held.read({ signal }) : held, 'f32');
    const length = data.length / this.slots;
    return data.slice(slot * length, (slot + 1) * length);
  }

  [Symbol.dispose](): void {
    for (const held of [this.#latents, this.#state]) if (isDeviceTensor(held)) held.dispose();
  }
}

/** The whole state is the prediction, which is read after every call. */
class HostWalk implements Walk {
  readonly slots = 1;
  readonly #start: Start;
  readonly #scheduler: Scheduler;
  #state: SchedulerState;
  #sample: Float32Array;
  #clean: Float32Array;

  constructor(start: Start) {
    this.#start = start;
    this.#scheduler = start.scheduler;
    this.#state = start.scheduler.start();
    this.#sample = start.noise.map((x) => x * start.scheduler.initialSigma);
    this.#clean = this.#sample;
  }

  inputs(i: number) {
    return {
      latents: seenBy(this.#start, this.#scheduler.scaleInput(this.#sample, i)),
      state: tensor('f32', [1, ...this.#start.shape]),
      mixing: tensor('f32', [2, 2], [0, 1, 0, 0]),
    };
  }

  async take(
    i: number,
    { latents, state }: Readonly<Record<string, DeviceTensor>>,
    { signal }: CallOptions,
  ): Promise<void> {
    latents.dispose();
    const output = await readAndDispose(state, signal);
    const call = { sample: this.#sample, output };
    const clean = this.#scheduler.clean?.(i, call);
    const next = this.#scheduler.step(i, { ...call, state: this.#state });
    this.#sample = next.sample;
    this.#state = next.state;
    this.#clean = clean ?? next.sample;
  }

  async sample(): Promise<Float32Array> {
    return this.#sample;
  }

  async clean(): Promise<Float32Array> {
    return this.#clean;
  }

  [Symbol.dispose](): void {}
}

/** What the model sees of a scaled sample: with guidance every picture twice. */
function seenBy({ guided, shape }: Start, scaled: Float32Array): HostTensor {
  const [b, ...picture] = shape;
  if (!guided) return tensor('f32', shape, scaled);
  const both = new Float32Array(2 * sizeOf(shape));
  both.set(scaled);
  both.set(scaled, scaled.length);
  return tensor('f32', [2 * b, ...picture], both);
}

export async function readAndDispose(held: DeviceTensor, signal?: AbortSignal): Promise<Float32Array> {
  try {
    return convert(await held.read({ signal }), 'f32').data;
  } finally {
    held.dispose();
  }
}
