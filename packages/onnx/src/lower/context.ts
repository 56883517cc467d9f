import type { DType } from '@emu-ts/base';
import type { AnyOp, Op, OperandNames, Operands, TensorType } from '@emu-ts/graph';
import type { ModelBuilder } from '../model/builder.js';
import type { Size } from '../model/size.js';

/** What a lowering knows of a value: its dtype, its sizes (numbers, unless an export names axes), its ONNX name. */
export interface Operand {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Size[];
}

export type OperandType = Omit<Operand, 'name'>;

/** What the lowering of one node works with. */
export interface LoweringContext<
  Inputs = Readonly<Record<string, Operand>>,
  Attrs = Readonly<Record<string, unknown>>,
> {
  readonly model: ModelBuilder;
  readonly inputs: Inputs;
  readonly attrs: Attrs;
  readonly outputs: Readonly<Record<string, OperandType>>;
  /** A list of integers among the attributes, symbolic where it depends on a named axis. */
  sizes(attribute: string & keyof Attrs): readonly Size[];
  /** A number among the attributes as a scalar tensor of `dtype`, computed where it depends on a named axis. */
  scalar(attribute: string & keyof Attrs, dtype: DType): string;
  /**
   * An operand as an embedded tensor in `dtype`, for operators that are slow or unable otherwise. Only for operands
   * that `NodeView.constants` names.
   */
  embed(operand: string, dtype: DType): string;
}

/** Lowers one node of a primitive; returns the ONNX name of its only output. */
export type Lowering<O extends AnyOp = AnyOp> =
  O extends Op<infer I extends OperandNames, infer _, infer A>
    ? (context: LoweringContext<Operands<I, Operand>, A>) => string
    : never;

/** What decides whether a native lowering applies: types as they are held (bf16 as f32), and who reads the results. */
export interface NodeView {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** The results that something reads. The others need not be computed. */
  readonly used: ReadonlySet<string>;
  /** Operands that another node reads as well, as a backward pass does. */
  readonly shared: ReadonlySet<string>;
  /** Operands whose elements are known when the program is compiled. */
  readonly constants: ReadonlySet<string>;
  /** Whether sizes may depend on named axes (an export). */
  readonly dynamic: boolean;
}

/**
 * One composite op as ONNX operators. The op is matched by name, so that this package imports no layer; its
 * decomposition stays the meaning, and what runs when `supports` gives a reason.
 */
export interface NativeLowering {
  /** The name of the op, such as `nn.layer_norm`. */
  readonly op: string;
  /** What it becomes, for `plan()`. */
  readonly becomes: string;
  /** True, or why this node has to be decomposed. */
  supports(node: NodeView): true | string;
  /** The ONNX names of the results that are used. */
  lower(context: LoweringContext): Readonly<Record<string, string>>;
}
