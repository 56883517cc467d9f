import { sizeOf } from '@emu-ts/base';
import type { Node, TensorType, Value } from '@emu-ts/graph';
import type { HostPart, Lowered } from '../kernel/call.js';

/** From one node of a primitive to what computes its only output. */
export type Lower = (node: Node) => Lowered;

export const outputOf = (node: Node): TensorType => Object.values(node.outputs)[0];

export const attr = <T>(node: Node, name: string): T => node.attrs[name] as T;

/** A kernel with one thread per element, `this.thread.x` being its flat position. */
export const everyElement = (
  source: string,
  node: Node,
  operands: readonly Value[],
  host?: HostPart,
): Lowered => ({ call: { source, threads: [sizeOf(outputOf(node).shape)], operands, host } });

/** Sizes before, at and after an axis: an array as [outer, n, inner]. */
export function around(shape: readonly number[], axis: number): [outer: number, n: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
}
