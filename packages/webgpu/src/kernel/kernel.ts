import type { AnyOp, Attrs, Op, Operands, Results, TensorType } from '@emu-ts/graph';

/**
 * Kernels are data. One says which op it computes, when it applies, and which `.wgsl` text runs with which parameters;
 * the executor does the rest. This module holds types and one identity function, so that a package can describe its
 * kernels with `import type` alone.
 *
 * A `.wgsl` file is never interpolated. The executor puts a generated header in front of it (see `header.ts`): one
 * binding per operand under the op's own operand names with `load_x(i)` and `store_y(i, value)` accessors, `struct
 * Params`, type aliases, and `enable` lines. What varies is a parameter, an `override` or an alias.
 */

/** Element type and value, or values, of one field of `struct Params`. A list is padded to a multiple of four. */
export type ParamValue = readonly ['u32' | 'i32' | 'f32', number | readonly number[]];
export type Params = Readonly<Record<string, ParamValue>>;

/** Values of WGSL `override` declarations: part of the pipeline. */
export type Overrides = Readonly<Record<string, number>>;

/** Workgroups of a dispatch: a plain number is laid out over x and y as limits demand (see `linear_workgroup`). */
export type Workgroups = number | readonly [number, number, number];

/** Elements that one array element of a binding holds: 4 binds `x` as `array<vec4<f32>>`. */
export type Width = 1 | 4 | 16;

/**
 * A product y [batch m n] of a by b in tiles of 64 × 64, or of fewer rows: 4 times the override `DOWN`, a power of two, 16 by
 * default. The executor puts the loop behind the source (`tiles/*.wgsl`), whose
 * parameters are `m`, `n`, `k`, `batch`, `tiles` and, where k is split, the `span` of a split. The source says where the
 * operands of a batch begin (`start_a`, `start_b`), how four neighbours of them are read (`fetch_a`, `fetch_b`), and what
 * becomes of four sums of a row (`keep`).
 */
export interface Tiles {
  /** Whether neighbours of an operand lie along k, or across it. */
  readonly a: 'along' | 'across';
  readonly b: 'along' | 'across';
  /** The operands are matrices as they lie: the source needs no `fetch_a` and `fetch_b`. */
  readonly matrices?: boolean | undefined;
  /** The sums are the result: the source needs no `keep`. */
  readonly keep?: boolean | undefined;
  /**
   * On matrix units, where `GpuView.matrixUnits` says that there are some: tiles of 128 × 64, and operands rounded to f16
   * (with the override `CLAMPS`, those beyond its range are held within it). A `span` is a multiple of 32.
   */
  readonly units?: boolean | undefined;
}

/** What a kernel may ask of the device before it says whether it applies. */
export interface GpuView {
  readonly features: ReadonlySet<string>;
  /** Language extensions such as `packed_4x8_integer_dot_product`. */
  readonly languageFeatures: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  readonly vendor: string;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** Whether products in tiles can run on matrix units, or why not. */
  readonly matrixUnits: true | string;
}

/**
 * One dispatch. Binding names on the left, operands or scratch tensors on the right; null stands for nothing there. A pass
 * none of whose results is read is left out.
 */
export interface Pass {
  /** For plans and profiles, where a kernel has several passes. */
  readonly label?: string | undefined;
  readonly source: string;
  /**
   * `'loop'`: the source brings its operands into workgroup memory and multiplies by itself. `'units'`: it does all of it by
   * itself, on matrix units, and rounds with `half` what they multiply.
   */
  readonly tiles?: Tiles | 'loop' | 'units' | undefined;
  readonly reads: Readonly<Record<string, string | null>>;
  readonly writes: Readonly<Record<string, string | null>>;
  readonly params?: Params | undefined;
  readonly overrides?: Overrides | undefined;
  readonly workgroups: Workgroups;
  readonly widths?: Readonly<Record<string, Width>> | undefined;
  readonly uniforms?: readonly string[] | undefined;
}

/**
 * Nodes of a graph that a kernel computes together: an op and what stands at its operands, which is another pattern, or
 * the name of an operand of the fused op (`'bias?'` where the node may have none). Reshapes in between do not count, and
 * commutative ops match either way round. One pattern object at several places stands for one node.
 */
export interface Pattern {
  readonly op: AnyOp;
  readonly inputs: Readonly<Record<string, Pattern | string>>;
  /** The output that is meant. Default the op's first. */
  readonly output?: string | undefined;
  /** Outputs that others may read, and the outputs of the fused op that they are. The first output of the root is always one. */
  readonly keeps?: Readonly<Record<string, string>> | undefined;
  /**
   * Others may read it: the kernel computes it once more, and the node stays for them. For what is cheap and read in many
   * places, such as a number or a table of biases; whatever it is made of must be shared too.
   */
  readonly shared?: boolean | undefined;
  /** For `Fusion.attrs`. */
  readonly name?: string | undefined;
  /** What else must hold: an axis, a permutation. */
  when?(attrs: Attrs): boolean;
}

/**
 * Where a graph says the same as a fused op: the op's decomposition, as models write it. The root's first output becomes
 * the first output of the fused op.
 */
export interface Fusion<A extends Attrs = Attrs> {
  readonly root: Pattern;
  /** Only after composites were taken apart: whatever else may end in one of the nodes comes first. */
  readonly late?: boolean | undefined;
  /** The attributes of the fused op, from those of the named nodes and the types of the outputs that are meant. */
  attrs(of: Readonly<Record<string, Attrs>>, types: Readonly<Record<string, TensorType>>): A;
}

export type TypesOf<O> =
  O extends Op<infer I, infer R, infer _> ? Operands<I, TensorType> & Results<R, TensorType> : never;
export type AttrsOf<O> = O extends Op<infer _I, infer _R, infer A> ? A : never;

interface Common<T, A> {
  /** `op variant`, as it appears in plans. */
  readonly name: string;
  /** Device features the shader enables; without one of them the kernel does not apply. */
  readonly requires?: readonly string[] | undefined;
  /** True, or the reason why this kernel cannot run these operands. Absent: always true. */
  supports?(types: T, attrs: A, gpu: GpuView): true | string;
  /**
   * Output → input: the output starts out holding what the input held, and the kernel changes part of it. The executor
   * hands over the input's own memory where nothing else reads it, and copies otherwise.
   */
  readonly startsFrom?: Readonly<Record<string, string>> | undefined;
  /** Element i of every output depends on element i alone of each input of the output's type. */
  readonly elementwise?: boolean | undefined;
  /**
   * The op is a fusion: it stands in no model, and the planner puts it where a graph holds one of these patterns and
   * nothing else reads what lies between its nodes.
   */
  readonly fuses?: readonly Fusion[] | undefined;
  /** Operands the shader indexes as arrays, past the accessors: they must be bound, never folded into a constant. */
  readonly arrays?: readonly string[] | undefined;
}

/** One dispatch that binds every operand of the op under its own name. */
export interface SinglePass<T, A> extends Common<T, A> {
  readonly source: string;
  readonly tiles?: Pass['tiles'];
  /** Numbers of this call. */
  params?(types: T, attrs: A, gpu: GpuView): Params;
  /** Numbers of the pipeline. */
  overrides?(types: T, attrs: A, gpu: GpuView): Overrides;
  workgroups(types: T, attrs: A, gpu: GpuView): Workgroups;
  widths?(types: T, attrs: A, gpu: GpuView): Readonly<Record<string, Width>>;
  /**
   * Small operands, bound as uniform buffers where they are f32, i32 or u32 and fit: they leave the few storage bindings
   * that every device has to the others.
   */
  readonly uniforms?: readonly string[] | undefined;
}

/** Several dispatches, with tensors between them that live no longer than the node. */
export interface ManyPasses<T, A> extends Common<T, A> {
  scratch?(types: T, attrs: A, gpu: GpuView): Readonly<Record<string, TensorType>>;
  passes(types: T, attrs: A, gpu: GpuView): readonly Pass[];
}

export type KernelDefinition<O extends AnyOp> =
  | SinglePass<TypesOf<O>, AttrsOf<O>>
  | ManyPasses<TypesOf<O>, AttrsOf<O>>;

/** A kernel for one op. `const k: Kernel<typeof layerNormOp> = { op: layerNormOp, … }` needs no import but this type. */
export type Kernel<O extends AnyOp> = { readonly op: O } & KernelDefinition<O>;

// biome-ignore lint/suspicious/noExplicitAny: a heterogeneous list of kernels cannot name each one's operands
export type AnyKernel = { readonly op: AnyOp } & (SinglePass<any, any> | ManyPasses<any, any>);

/** Ties a kernel to its op, with the operands typed by the op's own names. */
export const defineKernel = <O extends AnyOp>(op: O, definition: KernelDefinition<O>): Kernel<O> => ({
  op,
  ...definition,
});
