import { EmuError, type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import type { DeviceTensor, Executor, Graph, TensorType } from '@emu-ts/graph';
import type { TensorSource } from '@emu-ts/params';
import type { Treatment } from '../optimizer/groups.js';
import { names, variableName } from '../step/names.js';
import type { TrainingStep } from '../step/types.js';

/**
 * Weights and optimiser state on an executor. Each tensor is placed when a step first needs it: a weight from the source,
 * a moment as zeros, a moving average as a copy of its weight.
 */
export class TrainingState implements Disposable {
  readonly #tensors = new Map<string, DeviceTensor>();
  /** State input → the parameter it belongs to. */
  readonly #owners: ReadonlyMap<string, string>;

  /**
   * @param source starting weights by checkpoint name; of a resumed run, optimiser state by graph name as well
   */
  constructor(
    readonly executor: Executor,
    readonly step: TrainingStep,
    readonly source: TensorSource,
  ) {
    const owners = new Map<string, string>();
    for (const [name, treatment] of step.trained) {
      for (const key of [variableName(name, treatment), ...stateNames.map((of) => of(name))])
        owners.set(key, name);
    }
    this.#owners = owners;
  }

  /** Whether a graph input is state: changed by steps, so never fixed when a program is compiled. */
  isState(name: string): boolean {
    return this.#owners.has(name);
  }

  /** Weights of a graph that no step changes, for `compile`. */
  async fixed(graph: Graph): Promise<Record<string, DeviceTensor>> {
    const wanted = Object.keys(graph.inputs).filter(
      (name) => this.step.parameters.has(name) && !this.isState(name),
    );
    return this.#all(wanted);
  }

  /** State of a graph, for `run`. */
  async current(graph: Graph): Promise<Record<string, DeviceTensor>> {
    return this.#all(Object.keys(graph.inputs).filter((name) => this.isState(name)));
  }

  /** Takes what a step gave back in place of what it consumed. */
  replace(outputs: Readonly<Record<string, DeviceTensor>>, donate: Readonly<Record<string, string>>): void {
    for (const [input, output] of Object.entries(donate)) this.#tensors.set(input, outputs[output]);
  }

  /** A weight as it is now, whole; of a table of which only rows are trained, with those rows in it. */
  async weight(name: string): Promise<HostTensor> {
    const treatment = this.step.trained.get(name);
    const placed = treatment && this.#tensors.get(variableName(name, treatment));
    if (!placed) return this.#stored(name);
    const trained = await placed.read();
    if (!treatment.firstRow) return trained;
    const whole = await this.#stored(name);
    const data = whole.data.slice() as Float32Array;
    data.set(trained.data as Float32Array, data.length - trained.data.length);
    return { ...whole, data } as HostTensor;
  }

  /** The moving average of a weight, whole; the weight itself where none is kept. */
  async average(name: string): Promise<HostTensor> {
    const placed = this.#tensors.get(names.ema(name));
    if (!placed && this.source.entries.has(names.ema(name))) return this.source.read(names.ema(name));
    const weight = await this.weight(name);
    if (!placed) return weight;
    const average = await placed.read();
    const data = weight.data.slice() as Float32Array;
    data.set(average.data as Float32Array, data.length - average.data.length);
    return { ...weight, data } as HostTensor;
  }

  /** Graph names of the first and second moments there are, placed or still in the source. */
  moments(): string[] {
    const all = [...this.step.trained.keys()].flatMap((name) => [names.m(name), names.v(name)]);
    return all.filter((name) => this.#tensors.has(name) || this.source.entries.has(name));
  }

  /** Optimiser state by graph name. */
  async read(name: string): Promise<HostTensor> {
    return (await this.#tensors.get(name)?.read()) ?? this.source.read(name);
  }

  /** The type of an optimiser state. */
  typeOf(name: string): TensorType {
    const found = this.#tensors.get(name) ?? this.source.entries.get(name);
    if (!found) throw new EmuError('WEIGHT', `There is no optimiser state '${name}'.`);
    return found;
  }

  /** The parameters of which a moving average is kept. */
  averaged(): string[] {
    const kept = (name: string) => this.#tensors.has(name) || this.source.entries.has(name);
    return [...this.step.trained.keys()].filter((name) => kept(names.ema(name)));
  }

  /** The trained part of a parameter as it is now. */
  async variable(name: string): Promise<HostTensor> {
    const treatment = this.step.trained.get(name);
    if (!treatment) throw new EmuError('NOT_TRAINED', `'${name}' is not a trained parameter.`);
    const { [variableName(name, treatment)]: placed } = await this.#all([variableName(name, treatment)]);
    return placed.read();
  }

  /** Puts another value in place of the trained part of a parameter. */
  async put(name: string, value: HostTensor): Promise<void> {
    const treatment = this.step.trained.get(name);
    if (!treatment) throw new EmuError('NOT_TRAINED', `'${name}' is not a trained parameter.`);
    const variable = variableName(name, treatment);
    const placed = await this.executor.upload(value);
    this.#tensors.get(variable)?.dispose();
    this.#tensors.set(variable, placed);
  }

  /** Parameters that have gradients waiting for an update. */
  accumulated(): string[] {
    return [...this.step.trained.keys()].filter((name) => this.#tensors.has(names.accumulated(name)));
  }

  /** Puts gradients that were summed elsewhere where an update looks for them. */
  async accumulate(gradients: Readonly<Record<string, HostTensor>>): Promise<void> {
    const placed = Object.entries(gradients).map(async ([name, gradient]) => {
      this.#tensors.set(names.accumulated(name), await this.executor.upload(gradient));
    });
    await Promise.all(placed);
  }

  /** Forgets gradients that an interrupted accumulation left. */
  dropAccumulated(): void {
    for (const name of this.step.trained.keys()) {
      this.#tensors.get(names.accumulated(name))?.dispose();
      this.#tensors.delete(names.accumulated(name));
    }
  }

  /** Frees everything, not the executor. */
  dispose(): void {
    for (const placed of this.#tensors.values()) placed.dispose();
    this.#tensors.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #all(wanted: readonly string[]): Promise<Record<string, DeviceTensor>> {
    const found: Record<string, DeviceTensor> = {};
    for (const name of wanted) found[name] = this.#tensors.get(name) ?? (await this.#place(name));
    return found;
  }

  async #place(name: string): Promise<DeviceTensor> {
    const placed = await this.executor.upload(await this.#start(name));
    this.#tensors.set(name, placed);
    return placed;
  }

  async #start(name: string): Promise<HostTensor> {
    const owner = this.#owners.get(name);
    const treatment = owner === undefined ? undefined : this.step.trained.get(owner);
    if (owner === undefined || !treatment) return this.#stored(name);
    const known = this.source.entries.has(name);
    if (name === names.ema(owner)) return trainedRows(await this.#stored(known ? name : owner), treatment);
    if (known && name !== owner) return this.#stored(name);
    const rows = trainedRows(await this.#stored(owner), treatment);
    return name === variableName(owner, treatment) ? rows : tensor('f32', rows.shape);
  }

  async #stored(name: string): Promise<HostTensor> {
    const declared = this.step.parameters.get(name);
    const stored = await this.source.read(name);
    if (declared && declared.shape.join() !== stored.shape.join()) {
      throw new EmuError(
        'WEIGHT',
        `'${name}' is declared as [${declared.shape}], but stored as [${stored.shape}].`,
      );
    }
    return stored;
  }
}

const stateNames = [names.m, names.v, names.ema, names.accumulated];

function trainedRows(weight: HostTensor, { firstRow }: Treatment): HostTensor {
  if (!firstRow) return weight;
  const [rows, ...rest] = weight.shape;
  const data = weight.data.slice(firstRow * sizeOf(rest)) as Float32Array;
  return { ...weight, shape: [rows - firstRow, ...rest], data } as HostTensor;
}
