import { type CallOptions, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { formatType, type Program, tensorType } from '@emu-ts/graph';
import { ProgramCache } from '@emu-ts/params';
import { names } from '../step/names.js';
import type { BatchTypes, StepGraph, TrainingStep } from '../step/types.js';
import type { TrainingState } from './state.js';

export type BatchTensors = Readonly<Record<string, HostTensor>>;
/** Figures of one batch: `loss`, `gradient_norm`, `applied` and what the objective adds; vectors by `name.index`. */
export type Figures = Record<string, number>;

/** A step's graphs, compiled for the batch shapes that occur, over one state. */
export class StepPrograms implements AsyncDisposable {
  readonly #programs: ProgramCache;
  readonly #traced = new Map<string, StepGraph>();

  /** @param limit shapes whose programs are kept */
  constructor(
    readonly step: TrainingStep,
    readonly state: TrainingState,
    limit = 16,
  ) {
    this.#programs = new ProgramCache(limit);
  }

  /**
   * One forward and backward pass, and the update when `scalars` ask for it. State moves on; should this reject, it may
   * be gone.
   */
  async run(batch: BatchTensors, scalars: Readonly<Record<string, number>>): Promise<Figures> {
    return this.#with(
      'step',
      batch,
      scalars,
      (types) => this.step.trace(types),
      async (program, { graph, donate }) => {
        const current = await this.state.current(graph);
        const outputs = await program.run({ ...current, ...feed(program, batch, scalars) });
        this.state.replace(outputs, donate);
        return figures(outputs);
      },
    );
  }

  /** Losses alone; state stays as it is. */
  async losses(batch: BatchTensors, scalars: Readonly<Record<string, number>>): Promise<Figures> {
    const trace = (types: BatchTypes): StepGraph => ({ graph: this.step.traceLosses(types), donate: {} });
    return this.#with('losses', batch, scalars, trace, async (program, { graph }) => {
      const current = await this.state.current(graph);
      return figures(await program.run({ ...current, ...feed(program, batch, scalars) }));
    });
  }

  async #with(
    kind: string,
    batch: BatchTensors,
    scalars: Readonly<Record<string, number>>,
    trace: (types: BatchTypes) => StepGraph,
    use: (program: Program, traced: StepGraph) => Promise<Figures>,
  ): Promise<Figures> {
    const types = { ...batch, ...ofObjective(scalars) };
    const key = `${kind} ${Object.entries(types)
      .map(([name, type]) => `${name}:${formatType(type)}`)
      .sort()
      .join(' ')}`;
    const traced = this.#traced.get(key) ?? trace(types);
    this.#traced.set(key, traced);
    const compile = async () =>
      this.state.executor.compile(traced.graph, {
        weights: await this.state.fixed(traced.graph),
        donate: traced.donate,
      });
    return this.#programs.with(key, compile, (program) => use(program, traced));
  }

  dispose(): Promise<void> {
    return this.#programs.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** Scalars that the objective knows by name; the others are the optimiser's own. */
const ofObjective = (scalars: Readonly<Record<string, number>>): BatchTypes =>
  Object.fromEntries(
    Object.keys(scalars)
      .filter((name) => !name.startsWith('optimizer.'))
      .map((name) => [name, tensorType('f32', [])]),
  );

/** Those batch tensors and scalars that a program asks for. */
function feed(program: Program, batch: BatchTensors, scalars: Readonly<Record<string, number>>) {
  const given: Record<string, HostTensor> = {};
  for (const name of Object.keys(program.inputs)) {
    if (batch[name]) given[name] = batch[name];
    else if (name in scalars) given[name] = tensor('f32', [], [scalars[name]]);
  }
  return given;
}

async function figures(
  outputs: Readonly<Record<string, { read(options?: CallOptions): Promise<HostTensor>; dispose(): void }>>,
): Promise<Figures> {
  const prefix = names.metric('');
  const found: Figures = {};
  for (const [name, output] of Object.entries(outputs)) {
    if (!name.startsWith(prefix)) continue;
    const metric = name.slice(prefix.length);
    const host = await output.read();
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
