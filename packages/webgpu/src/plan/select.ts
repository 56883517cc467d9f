import { EmuError } from '@emu-ts/base';
import {
  type AnyOp,
  expand,
  type Graph,
  type Node,
  primitiveName,
  primitives,
  simplify,
  type TensorType,
} from '@emu-ts/graph';
import { DeviceLimitError } from '../device/errors.js';
import type { AnyKernel, GpuView } from '../kernel/kernel.js';
import { absorb } from './absorb.js';
import { fuse } from './fuse.js';

/**
 * How one node runs: by a kernel, or through its decomposition and why; what was fused into one node, and what was not and
 * why.
 */
export type PlanEntry =
  | { readonly op: string; readonly kernel: string; readonly refused: readonly string[] }
  | { readonly op: string; readonly parts: readonly string[] }
  | { readonly op: string; readonly reason: string; readonly unfused?: boolean | undefined };

export interface Selection {
  /** Only nodes that have a kernel, and those that need none. */
  readonly graph: Graph;
  readonly kernels: ReadonlyMap<Node, AnyKernel>;
  readonly entries: readonly PlanEntry[];
}

export const typesOf = ({ inputs, outputs }: Node): Record<string, TensorType> => ({ ...inputs, ...outputs });

const isFree = ({ op }: Node) =>
  ([primitives.input, primitives.constant, primitives.reshape] as readonly unknown[]).includes(op);

/**
 * Rewrites a graph until every node has a kernel: what kernels can compute together becomes one node, before composites
 * are taken apart and after, and what none supports is replaced by its meaning.
 */
export function select(graph: Graph, kernels: readonly AnyKernel[], gpu: GpuView): Selection {
  const candidates = new Map<string, AnyKernel[]>();
  for (const kernel of kernels) {
    const name = kernel.op.name;
    candidates.set(name, [...(candidates.get(name) ?? []), kernel]);
  }
  const pick = (node: Node): { kernel?: AnyKernel; refused: string[] } => {
    const refused: string[] = [];
    const named = candidates.get(node.op.name) ?? [];
    const own = named.filter(({ op }) => op === node.op);
    if (named.length && !own.length) throw twoCopies(node.op, named[0]);
    for (const kernel of own) {
      const answer = supports(kernel, node, gpu);
      if (answer === true) return { kernel, refused };
      refused.push(`${kernel.name}: ${answer}`);
    }
    return { refused };
  };
  const entries: PlanEntry[] = [];
  const fused = (before: Graph, late: boolean): Graph => {
    const {
      graph: after,
      made,
      refused,
    } = fuse(before, kernels, (kernel, node) => supports(kernel, node, gpu), { late });
    const seen = new Set(entries.map(({ op }) => op));
    entries.push(...made);
    for (const { op, reason } of refused) if (!seen.has(op)) entries.push({ op, reason, unfused: true });
    return after;
  };
  const keep = (node: Node) => {
    const { kernel, refused } = pick(node);
    if (!kernel) entries.push({ op: node.op.name, reason: refused.join('; ') || 'no kernel' });
    return kernel !== undefined;
  };
  const tidy = (g: Graph) => simplify(absorb(simplify(g)));
  const expanded = fused(tidy(expand(fused(tidy(graph), false), keep)), true);
  const chosen = new Map<Node, AnyKernel>();
  for (const node of expanded.nodes) {
    if (isFree(node)) continue;
    const { kernel, refused } = pick(node);
    if (!kernel) throw noKernel(node, refused, gpu);
    chosen.set(node, kernel);
    if (!primitiveName(node.op) || refused.length || node.op !== (primitives.full as AnyOp))
      entries.push({ op: node.op.name, kernel: kernel.name, refused });
  }
  return { graph: expanded, kernels: chosen, entries };
}

/** Running through the decomposition instead would be right, and slow without a word. */
const twoCopies = ({ name }: AnyOp, kernel: AnyKernel): EmuError =>
  new EmuError(
    'DUPLICATE_OP',
    `The graph has ${name} of one copy of a package, the kernel ${kernel.name} was made for ${name} of another.`,
    { hint: 'Two copies of the package are installed: keep one (npm ls, npm dedupe).' },
  );

function supports(kernel: AnyKernel, node: Node, gpu: GpuView): true | string {
  const lacking = (kernel.requires ?? []).find(
    (name) => !gpu.features.has(name) && !gpu.languageFeatures.has(name),
  );
  if (lacking) return `the device has no ${lacking}`;
  const types = typesOf(node);
  const answer = kernel.supports?.(types, node.attrs, gpu) ?? true;
  if (answer !== true || !('source' in kernel)) return answer;
  const limit = gpu.limits.maxStorageBuffersPerShaderStage;
  const bound = Object.keys(types).filter((name) => !kernel.uniforms?.includes(name)).length;
  return bound <= limit || `it binds ${bound} buffers, the device allows ${limit}`;
}

/** What is left over cannot be decomposed further: as a rule the device binds too few buffers. */
function noKernel(node: Node, refused: readonly string[], gpu: GpuView): EmuError {
  const limit = 'maxStorageBuffersPerShaderStage';
  const bound = Object.keys(typesOf(node)).length;
  if (bound > gpu.limits[limit]) return new DeviceLimitError(node.op.name, limit, bound, gpu.limits[limit]);
  return new EmuError('NO_KERNEL', `No kernel computes ${node.op.name}: ${refused.join('; ')}.`);
}
