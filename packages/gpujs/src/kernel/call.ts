import type { Value } from '@emu-ts/graph';

/**
 * One kernel call, as data. A kernel is the text of a JavaScript function in the dialect of gpu.js: it computes the one
 * element that `this.thread` points at. Text and not a function, because gpu.js reads the source at run time, and what
 * bundlers, minifiers and coverage tools leave of a function's source is theirs to decide.
 */
export interface KernelCall {
  readonly source: string;
  /** Whole numbers and floats that the source reads as `this.constants.NAME`. */
  readonly constants?: Readonly<Record<string, number>> | undefined;
  /** Extents of `this.thread.x`, `.y` and `.z`, x fastest. Their product is the number of elements. */
  readonly threads: readonly number[];
  /** The function's arguments: every tensor as its elements in row-major order. */
  readonly operands: readonly Value[];
  readonly host?: HostPart | undefined;
}

/** What a call does on the host first: it looks at some tensors, and may make further arguments. */
export interface HostPart {
  readonly operands: readonly Value[];
  prepare(...elements: readonly Float32Array[]): readonly Float32Array[];
}

/** What becomes of a value: the elements of another one, elements known beforehand, or a kernel's result. */
export type Lowered =
  | { readonly alias: Value }
  | { readonly elements: Float32Array }
  | { readonly call: KernelCall };
