import { EmuError } from '@emu-ts/base';
import { expectMatches, matcher } from './pattern.js';

/** Parameters that share a learning rate: usually one component. */
export interface ParameterGroup {
  readonly name: string;
  /** Name patterns, see `matcher`. A parameter belongs to the first group that names it. */
  readonly match: readonly string[];
  /** Peak learning rate; the schedule multiplies it. */
  readonly rate: number;
  /** Default: the optimiser's. */
  readonly weightDecay?: number | undefined;
}

export interface OptimizerOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly groups: readonly ParameterGroup[];
  /**
   * Patterns of weights that Muon updates in place of AdamW, see `muonOp`; rates stay as they are. For what multiplies
   * activations inside a model, not for tables nor for the output layer. Vectors among them stay with AdamW.
   */
  readonly muon?: readonly string[] | undefined;
  /** Momentum of Muon. Default 0.95. */
  readonly momentum?: number | undefined;
  /** Patterns of parameters that never decay. */
  readonly noDecay?: readonly string[] | undefined;
  /** Gradients are scaled down to this global norm. Default: not clipped. */
  readonly clipNorm?: number | undefined;
  /** Patterns of parameters that are trained; default all. */
  readonly trainable?: readonly string[] | undefined;
  /** Patterns of parameters that are not, whatever `trainable` says. */
  readonly frozen?: readonly string[] | undefined;
  /** Of tables: train the rows from this index on, and keep those before as they are. */
  readonly rows?: Readonly<Record<string, number>> | undefined;
}

/** How one trained parameter is updated. */
export interface Treatment {
  readonly group: string;
  readonly weightDecay: number;
  readonly rule: 'adamw' | 'muon';
  /** First trained row, 0 for the whole. */
  readonly firstRow: number;
}

/** Who is trained, and how: name → treatment, in the order of `names`. Frozen parameters are absent. */
export function assign(names: readonly string[], options: OptimizerOptions): Map<string, Treatment> {
  const { groups, muon = [], noDecay = [], trainable, frozen = [], rows = {}, weightDecay } = options;
  const repeated = groups.find(({ name }, i) => groups.findIndex((other) => other.name === name) !== i);
  if (repeated) throw new EmuError('GROUPS', `The group '${repeated.name}' is there twice.`);
  expectMatches('muon', muon, names);
  expectMatches('noDecay', noDecay, names);
  expectMatches('trainable', trainable ?? [], names);
  expectMatches('frozen', frozen, names);
  expectMatches('rows', Object.keys(rows), names);
  const wanted = matcher(trainable ?? ['**']);
  const kept = matcher(frozen);
  const orthogonal = matcher(muon);
  const still = matcher(noDecay);
  const members = groups.map((group) => ({ group, has: matcher(group.match) }));
  const rowStarts = Object.entries(rows).map(([pattern, start]) => ({ has: matcher([pattern]), start }));
  const treatments = new Map<string, Treatment>();
  const homeless: string[] = [];
  for (const name of names) {
    if (!wanted(name) || kept(name)) continue;
    const found = members.find(({ has }) => has(name))?.group;
    if (!found) homeless.push(name);
    else {
      treatments.set(name, {
        group: found.name,
        weightDecay: still(name) ? 0 : (found.weightDecay ?? weightDecay),
        rule: orthogonal(name) ? 'muon' : 'adamw',
        firstRow: rowStarts.find(({ has }) => has(name))?.start ?? 0,
      });
    }
  }
  if (homeless.length) {
    throw new EmuError(
      'NO_GROUP',
      `${homeless.length} trained parameters belong to no group, such as '${homeless[0]}'; the groups are ${groups.map(({ name }) => name).join(', ')}.`,
      { hint: "Freeze them, or add a group that matches '**'." },
    );
  }
  return treatments;
}
