import type { Node, TensorType } from '@emu-ts/graph';
import type { AnyKernel, Pass } from '../kernel/kernel.js';

/** A piece of memory that one or more values occupy, one after the other or as views of one another. */
export interface Storage {
  readonly kind: 'input' | 'weight' | 'constant' | 'slab' | 'output';
  /** Of the input, weight or output; the node's op otherwise. */
  readonly name: string;
  readonly bytes: number;
  readonly type: TensorType;
  /** First and last step that touches it. */
  first: number;
  last: number;
}

/** What a name of a pass stands for. */
export type Operand =
  | { readonly kind: 'storage'; readonly storage: Storage; readonly type: TensorType }
  | { readonly kind: 'literal'; readonly value: number; readonly type: TensorType }
  | { readonly kind: 'shared'; readonly output: string; readonly type: TensorType }
  | { readonly kind: 'absent'; readonly type: TensorType | undefined };

export interface Dispatch {
  readonly kind: 'dispatch';
  readonly node: Node;
  readonly kernel: AnyKernel;
  readonly pass: Pass;
  readonly reads: Readonly<Record<string, Operand>>;
  readonly writes: Readonly<Record<string, Operand>>;
}

export interface Copy {
  readonly kind: 'copy';
  readonly from: Storage;
  readonly to: Storage;
}

export type Step = Dispatch | Copy;

/** How a donated input comes back: in its own memory, or as a new tensor that takes its place. */
export interface Donated {
  readonly output: string;
  readonly inPlace: boolean;
}

export interface MemoryPlan {
  readonly steps: readonly Step[];
  readonly storages: readonly Storage[];
  readonly outputs: Readonly<Record<string, Storage>>;
  readonly donated: Readonly<Record<string, Donated>>;
  readonly constants: ReadonlyMap<Storage, Node>;
}

/** Storages a step reads and writes. */
export function touched(step: Step): Storage[] {
  if (step.kind === 'copy') return [step.from, step.to];
  return [...Object.values(step.reads), ...Object.values(step.writes)].flatMap((operand) =>
    operand.kind === 'storage' ? [operand.storage] : [],
  );
}
