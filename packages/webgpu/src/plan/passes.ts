import { type Node, sameType, type Value } from '@emu-ts/graph';
import type { AnyKernel, GpuView, Pass } from '../kernel/kernel.js';
import { typesOf } from './select.js';

/** The inputs whose memory a value may take over. */
export function predecessors(kernel: AnyKernel, value: Value): string[] {
  const from = kernel.startsFrom?.[value.output];
  if (from) return [from];
  if (!kernel.elementwise) return [];
  return Object.entries(value.node.inputs)
    .filter(([, operand]) => sameType(operand, value))
    .map(([name]) => name);
}

/** The one pass of a simple kernel: every operand under its own name. */
export function singlePass(node: Node, kernel: AnyKernel, gpu: GpuView): Pass {
  if (!('source' in kernel)) throw new Error(`${kernel.name} has no source.`);
  const types = typesOf(node);
  const { op, attrs } = node;
  const names =
    op.inputs === 'variadic'
      ? Object.keys(node.inputs)
      : (op.inputs as readonly string[]).map((name) => name.replace(/\?$/, ''));
  const skipped = new Set(Object.values(kernel.startsFrom ?? {}));
  const reads = names.filter((name) => !skipped.has(name));
  return {
    source: kernel.source,
    tiles: kernel.tiles,
    reads: Object.fromEntries(reads.map((name) => [name, node.inputs[name] ? name : null])),
    writes: Object.fromEntries((op.outputs as readonly string[]).map((name) => [name, name])),
    params: kernel.params?.(types, attrs, gpu),
    overrides: kernel.overrides?.(types, attrs, gpu),
    workgroups: kernel.workgroups(types, attrs, gpu),
    widths: kernel.widths?.(types, attrs, gpu),
    uniforms: kernel.uniforms,
  };
}
