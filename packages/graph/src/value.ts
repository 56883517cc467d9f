import type { DType } from '@emu-ts/base';
import type { AnyOp, Attrs } from './op.js';

/** Shape and dtype: all that is known of a tensor before it is computed. Shapes are concrete. */
export interface TensorType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A symbolic tensor: one output of one node. It knows where it comes from, so a graph needs no builder. */
export interface Value extends TensorType {
  readonly node: Node;
  /** The output's name on its node. */
  readonly output: string;
}

/** One application of an op. It holds the op itself, not its name: there is no registry to look it up in. */
export interface Node {
  readonly op: AnyOp;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: Attrs;
  readonly outputs: Readonly<Record<string, Value>>;
}

export const tensorType = (dtype: DType, shape: readonly number[]): TensorType => ({ dtype, shape });

/** `f32[2,17,88]` */
export const formatType = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.join(',')}]`;

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);
