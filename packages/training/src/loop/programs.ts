import { type CallOptions, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { type DeviceTensor, formatType, type Program, tensorType } from '@emu-ts/graph';
import { ProgramCache } from '@emu-ts/params';
import { names } from '../step/names.js';
import type { BatchTypes, StepGraph, TrainingStep } from '../step/types.js';
import type { TrainingState } from './state.js';

export type BatchTensors = Readonly<Record<string, HostTensor>>;
export type Scalars = Readonly<Record<string, number>>;
/** Figures of one batch: `loss`, `gradient_norm`, `applied` and what the objective adds; vectors by `name.index`. */
export type Figures = Record<string, number>;

/** One graph of a step, ready to run. */
interface Ready {
  readonly program: Program;
  readonly traced: StepGraph;
}

/** A step's graphs, compiled for the batch shapes that occur, over one state. Should a call reject, state may be gone. */
export class StepPrograms implements AsyncDisposable {
  readonly #programs: ProgramCache;
  readonly #traced = new Map<string, StepGraph>();

  /** @param limit shapes whose programs are kept */
  constructor(
    readonly step: TrainingStep,
    readonly state: TrainingState,
    readonly limit = 16,
  ) {
    this.#programs = new ProgramCache(limit);
  }

  /** Forward, backward and update from one batch. */
  update(batch: BatchTensors, scalars: Scalars): Promise<Figures> {
    return this.#forBatch(
      'step',
      batch,
      scalars,
      (types) => this.step.trace(types),
      this.#advance(batch, scalars),
    );
  }

  /** Forward and backward; gradients are added to those of earlier batches. */
  accumulate(batch: BatchTensors, scalars: Scalars): Promise<Figures> {
    const trace = (types: BatchTypes) => this.step.traceAccumulation(types);
    return this.#forBatch('accumulate', batch, scalars, trace, this.#advance(batch, scalars));
  }

  /** The update that follows accumulated gradients, which are gone afterwards. */
  async finish(scalars: Scalars): Promise<Figures> {
    const reached = this.state.accumulated();
    const trace = () => this.step.traceUpdate(reached);
    try {
      return await this.#with(`finish ${reached.join()}`, trace, this.#advance({}, scalars));
    } finally {
      this.state.dropAccumulated();
    }
  }

  /** Losses alone; state stays as it is. */
  losses(batch: BatchTensors, scalars: Scalars): Promise<Figures> {
    const trace = (types: BatchTypes): StepGraph => ({ graph: this.step.traceLosses(types), donate: {} });
    return this.#forBatch('losses', batch, scalars, trace, this.#advance(batch, scalars));
  }

  /** Gradients of one batch by parameter. @param weights instead of the state's own */
  gradients(
    batch: BatchTensors,
    scalars: Scalars,
    weights?: BatchTensors | undefined,
  ): Promise<{ figures: Figures; gradients: Record<string, HostTensor> }> {
    const trace = (types: BatchTypes) => this.step.traceGradients(types);
    return this.#forBatch('gradients', batch, scalars, trace, async ({ program, traced }) => {
      const at = weights ? chosen(program, weights) : await this.state.current(traced.graph);
      const outputs = await program.run({ ...feed(program, batch, scalars), ...at });
      // All at once: from an executor in another thread each comes as a message.
      const reached = [...this.step.trained.keys()].filter((name) => outputs[names.gradient(name)]);
      const read = reached.map(async (name) => {
        using output = outputs[names.gradient(name)];
        return [name, await output.read()] as const;
      });
      const gradients = Object.fromEntries(await Promise.all(read));
      return { figures: await figures(outputs), gradients };
    });
  }

  /** Runs a program on the state and moves the state on. */
  readonly #advance =
    (batch: BatchTensors, scalars: Scalars) =>
    async ({ program, traced: { graph, donate } }: Ready): Promise<Figures> => {
      const current = await this.state.current(graph);
      const outputs = await program.run({ ...current, ...feed(program, batch, scalars) });
      this.state.replace(outputs, donate);
      return figures(outputs);
    };

  #forBatch<R>(
    kind: string,
    batch: BatchTensors,
    scalars: Scalars,
    trace: (types: BatchTypes) => StepGraph,
    use: (ready: Ready) => Promise<R>,
  ): Promise<R> {
    const types = { ...batch, ...ofObjective(scalars) };
    const key = Object.entries(types)
      .map(([name, type]) => `${name}:${formatType(type)}`)
      .sort()
      .join(' ');
    return this.#with(`${kind} ${key}`, () => trace(types), use);
  }

  #with<R>(key: string, trace: () => StepGraph, use: (ready: Ready) => Promise<R>): Promise<R> {
    const traced = this.#traced.get(key) ?? trace();
    this.#traced.delete(key);
    this.#traced.set(key, traced);
    const [oldest] = this.#traced.keys();
    if (this.#traced.size > this.limit) this.#traced.delete(oldest);
    const compile = async () =>
      this.state.executor.compile(traced.graph, {
        weights: await this.state.fixed(traced.graph),
        donate: traced.donate,
      });
    return this.#programs.with(key, compile, (program) => use({ program, traced }));
  }

  dispose(): Promise<void> {
    return this.#programs.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** Scalars that the objective knows by name; the others are the optimiser's own. */
const ofObjective = (scalars: Scalars): BatchTypes =>
  Object.fromEntries(
    Object.keys(scalars)
      .filter((name) => !name.startsWith('optimizer.'))
      .map((name) => [name, tensorType('f32', [])]),
  );

/** Those batch tensors and scalars that a program asks for. */
const feed = (program: Program, batch: BatchTensors, scalars: Scalars): Record<string, HostTensor> => {
  const numbers = Object.entries(scalars).map(([name, value]) => [name, tensor('f32', [], [value])] as const);
  return chosen(program, { ...Object.fromEntries(numbers), ...batch });
};

const chosen = (program: Program, from: BatchTensors): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => name in program.inputs));

/** Reads and frees the metrics among a program's outputs. */
async function figures(
  outputs: Readonly<Record<string, DeviceTensor>>,
  options?: CallOptions,
): Promise<Figures> {
  const prefix = names.metric('');
  const found: Figures = {};
  for (const [name, output] of Object.entries(outputs)) {
    if (!name.startsWith(prefix)) continue;
    const metric = name.slice(prefix.length);
    const host = await output.read(options);
    output.dispose();
    const values = toF64(host);
    if (!host.shape.length) found[metric] = values[0];
    else
      values.forEach((value, i) => {
        found[`${metric}.${i}`] = value;
      });
  }
  return found;
}
