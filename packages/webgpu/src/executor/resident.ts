import { type CallOptions, EmuError } from '@emu-ts/base';
import { type AnyTensor, checkInputs } from '@emu-ts/graph';
import type { Block } from '../device/buffers.js';
import { storedBytes } from '../kernel/storage.js';
import type { Storage } from '../plan/steps.js';
import { type Compiled, hostOnly, type Place } from './compile.js';
import { Encoder } from './encoder.js';
import { type Profile, profileRun } from './profile.js';
import type { Session } from './session.js';
import { GpuTensor, toDevice } from './tensor.js';

/** Host inputs up to so many bytes travel together, in one write. */
const smallInput = 64 * 1024;
const alignment = 256;

/** What one run binds besides what stays in place. */
interface Bindings {
  readonly places: Map<Storage, Place>;
  readonly outputs: Record<string, { readonly place: Place; readonly fresh: boolean }>;
  /** Freed once the run has been submitted. */
  readonly temporary: Block[];
  readonly loans: { readonly settle: (succeeded: boolean) => void }[];
}

/** A program on one device: its commands, and the binding of inputs and outputs around a run of them. */
export class Resident {
  readonly session: Session;
  readonly compiled: Compiled;
  readonly #encoder: Encoder;
  #arena: Block | undefined;

  constructor(session: Session, compiled: Compiled) {
    this.session = session;
    this.compiled = compiled;
    this.#encoder = new Encoder(session, compiled);
  }

  run(
    inputs: Readonly<Record<string, AnyTensor>>,
    { signal }: CallOptions,
  ): Promise<Record<string, GpuTensor>> {
    return this.#run(inputs, (dynamic) => this.#encoder.run(dynamic, { signal }), signal);
  }

  async profile(inputs: Readonly<Record<string, AnyTensor>>, { signal }: CallOptions): Promise<Profile> {
    if (!this.session.capabilities.timestamps)
      throw new EmuError('UNSUPPORTED', 'This device has no timestamp-query feature, which profile() needs.');
    let profile: Profile | undefined;
    const outputs = await this.#run(
      inputs,
      async (dynamic) => {
        profile = await profileRun(this.session, this.compiled, (timestamps) =>
          this.#encoder.run(dynamic, { signal, timestamps }),
        );
      },
      signal,
    );
    for (const output of Object.values(outputs)) output.dispose();
    return profile as Profile;
  }

  /** Frees what the program holds, once no run of it is being encoded. */
  release(): Promise<void> {
    return this.session.exclusive(async () => {
      this.compiled.release();
      if (this.#arena) this.session.buffers.release(this.#arena);
    });
  }

  async #run(
    inputs: Readonly<Record<string, AnyTensor>>,
    encode: (dynamic: ReadonlyMap<Storage, Place>) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, GpuTensor>> {
    signal?.throwIfAborted();
    this.session.check();
    checkInputs(this.compiled.inputs, inputs, this.compiled.weights);
    for (const weight of this.compiled.borrowed) weight.blocksOn(this.session);
    return this.session.exclusive(async () => {
      signal?.throwIfAborted();
      this.session.check();
      const bindings: Bindings = { places: new Map(), outputs: {}, temporary: [], loans: [] };
      try {
        await this.#bindInputs(inputs, bindings, signal);
        await this.#bindOutputs(bindings);
        await encode(bindings.places);
        this.session.check();
      } catch (error) {
        this.#settle(bindings, false);
        throw error;
      }
      this.#settle(bindings, true);
      return Object.fromEntries(
        Object.entries(bindings.outputs).map(([name, { place }]) => [
          name,
          new GpuTensor(this.session, this.compiled.outputs[name], [place.block]),
        ]),
      );
    });
  }

  async #bindInputs(
    inputs: Readonly<Record<string, AnyTensor>>,
    bindings: Bindings,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { inputStorages, donated, parts } = this.compiled;
    const small: { storage: Storage; bytes: Uint8Array }[] = [];
    const given = Object.entries(inputs);
    const tensors = Object.keys(donated).map((name) => inputs[name]);
    if (
      given.some(
        ([name, t]) =>
          t instanceof GpuTensor &&
          tensors.includes(t) &&
          tensors.indexOf(t) !== Object.keys(donated).indexOf(name),
      )
    )
      throw new EmuError('DONATION', 'One tensor is donated and given as another input too.');
    for (const [name, tensor] of given) {
      const pieces = parts.get(name);
      if (pieces) {
        await this.#bindParts(name, tensor, pieces, bindings, signal);
        continue;
      }
      const storage: Storage | undefined = inputStorages[name];
      const donation = donated[name];
      if (tensor instanceof GpuTensor) {
        const block = tensor.blockOn(this.session);
        if (storage) bindings.places.set(storage, { block, offset: 0 });
        if (!donation) continue;
        const loan = tensor.lend();
        const settle = (ok: boolean) => (ok ? loan.consume(donation.inPlace) : loan.giveBack());
        bindings.loans.push({ settle });
        continue;
      }
      const host = hostOnly(tensor);
      if (!storage) continue;
      if (!donation && storage.bytes <= smallInput) {
        small.push({ storage, bytes: toDevice(host) });
        continue;
      }
      const [block] = await this.session.upload(host, `input '${name}'`, { signal });
      bindings.places.set(storage, { block, offset: 0 });
      if (donation?.inPlace)
        bindings.loans.push({ settle: (ok) => (ok ? undefined : this.session.buffers.release(block)) });
      else bindings.temporary.push(block);
    }
    await this.#write(small, bindings);
  }

  /** An input that is larger than a binding. */
  async #bindParts(
    name: string,
    tensor: AnyTensor,
    pieces: readonly string[],
    { places, temporary }: Bindings,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const here = tensor instanceof GpuTensor;
    const blocks = here
      ? tensor.blocksOn(this.session)
      : await this.session.upload(hostOnly(tensor), `input '${name}'`, { signal });
    if (!here) temporary.push(...blocks);
    pieces.forEach((piece, i) => {
      const storage = this.compiled.inputStorages[piece];
      if (storage) places.set(storage, { block: blocks[i], offset: 0 });
    });
  }

  /** Small host inputs go to the device in one write. */
  async #write(
    small: readonly { readonly storage: Storage; readonly bytes: Uint8Array }[],
    { places }: Bindings,
  ): Promise<void> {
    if (!small.length) return;
    let size = 0;
    const offsets = small.map(({ storage }) => {
      const offset = size;
      size += Math.ceil(storage.bytes / alignment) * alignment;
      return offset;
    });
    if (!this.#arena || this.#arena.bytes < size) {
      if (this.#arena) this.session.buffers.release(this.#arena);
      this.#arena = undefined;
      this.#arena = await this.session.buffers.allocate(size, 'inputs');
    }
    const all = new Uint8Array(size);
    small.forEach(({ storage, bytes }, i) => {
      all.set(bytes, offsets[i]);
      places.set(storage, { block: this.#arena as Block, offset: offsets[i] });
    });
    this.session.device.queue.writeBuffer(this.#arena.buffer, 0, all);
  }

  async #bindOutputs({ places, outputs }: Bindings): Promise<void> {
    for (const [name, storage] of Object.entries(this.compiled.outputStorages)) {
      const existing = storage.kind === 'input' ? places.get(storage) : undefined;
      const place = existing ?? {
        block: await this.session.buffers.allocate(storedBytes(storage.type), `output '${name}'`),
        offset: 0,
      };
      outputs[name] = { place, fresh: !existing };
      places.set(storage, place);
    }
  }

  /** Memory given back now is reused only by work submitted later, so the GPU need not be waited for. */
  #settle({ outputs, temporary, loans }: Bindings, succeeded: boolean): void {
    const { buffers } = this.session;
    for (const block of temporary) buffers.release(block);
    for (const { settle } of loans) settle(succeeded);
    if (succeeded) return;
    for (const { place, fresh } of Object.values(outputs)) if (fresh) buffers.release(place.block);
  }
}
