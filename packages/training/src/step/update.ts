import {
  add,
  and,
  cast,
  div,
  full,
  graphOf,
  mul,
  type Node,
  sub,
  tensorType,
  topological,
  type Value,
  where,
} from '@emu-ts/graph';
import { adamwOp } from '../adamw/op.js';
import { muonOp } from '../muon/op.js';
import { clipCoefficient, globalNorm, isNumber } from '../optimizer/clip.js';
import type { OptimizerOptions, Treatment } from '../optimizer/groups.js';
import { names, variableName } from './names.js';
import type { Port } from './ports.js';
import type { StepGraph } from './types.js';

interface UpdateRules {
  readonly optimizer: OptimizerOptions;
  readonly trained: ReadonlyMap<string, Treatment>;
  /** Batches whose gradients were added up. */
  readonly batches: number;
  readonly lossScaling: boolean;
  readonly ema?: number | undefined;
}

interface Differentiated {
  readonly gradients: ReadonlyMap<string, Value>;
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
  readonly port: Port;
}

/**
 * From gradients, summed over `batches`, to new weights: clip by the global norm, AdamW or Muon, moving average. A loss or gradient
 * that is not finite leaves all state as it was and says so in the metric `applied`.
 */
export function update(
  { gradients, loss, metrics, port }: Differentiated,
  { optimizer, trained, batches, lossScaling, ema }: UpdateRules,
): StepGraph {
  const state: Record<string, Value> = {};
  // Sums of n scaled gradients are brought back to a mean of unscaled ones together with clipping.
  const unscale = div(1 / batches, lossScaling ? port(names.lossScale, scalar) : full([], 1));
  const norm = mul(globalNorm(soonest([...gradients.values()])), unscale);
  const apply = and(isNumber(loss), isNumber(norm));
  const { clipNorm, betas, eps } = optimizer;
  const scale = clipNorm === undefined ? unscale : mul(clipCoefficient(norm, clipNorm), unscale);

  const step = port(names.step, scalar);
  for (const [name, gradient] of gradients) {
    const treatment = trained.get(name) as Treatment;
    const variable = variableName(name, treatment);
    const param = port(variable, gradient);
    const m = port(names.m(name), gradient);
    const rate = port(names.rate(treatment.group), scalar);
    const shared = { param, gradient, m, rate, scale, apply };
    const { weightDecay } = treatment;
    let next: Value;
    if (treatment.rule === 'muon' && gradient.shape.length > 1) {
      const updated = muonOp(shared, { momentum: optimizer.momentum ?? 0.95, weightDecay });
      next = updated.param;
      state[names.m(name)] = updated.m;
    } else {
      const v = port(names.v(name), gradient);
      const updated = adamwOp({ ...shared, v, step }, { beta1: betas[0], beta2: betas[1], eps, weightDecay });
      next = updated.param;
      state[names.m(name)] = updated.m;
      state[names.v(name)] = updated.v;
    }
    state[variable] = next;
    if (ema !== undefined) {
      const average = port(names.ema(name), gradient);
      const pull = where(apply, 1 - ema, 0);
      state[names.ema(name)] = add(average, mul(sub(next, average), pull));
    }
  }
  const graph = graphOf({
    ...metrics,
    [names.metric('gradient_norm')]: norm,
    [names.metric('applied')]: cast(apply, 'f32'),
    ...state,
  });
  return { graph, donate: Object.fromEntries(Object.keys(state).map((name) => [name, name])) };
}

const scalar = tensorType('f32', []);

/**
 * Values by the length of the longest chain of nodes before them. A graph that reads gradients in this order computes
 * each as soon as the backward pass has what it needs, and so lets go of activations early.
 */
function soonest(values: readonly Value[]): Value[] {
  const depths = new Map<Node, number>();
  for (const node of topological(values)) {
    const before = Object.values(node.inputs).map((operand) => depths.get(operand.node) as number);
    depths.set(node, 1 + Math.max(0, ...before));
  }
  const depth = ({ node }: Value) => depths.get(node) as number;
  return [...values].sort((a, b) => depth(a) - depth(b));
}
