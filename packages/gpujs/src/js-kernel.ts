import { sizeOf } from '@emu-ts/base';
import type { AnyOp, Node, Op, OperandNames, Operands, Results, TensorType, Value } from '@emu-ts/graph';
import type { KernelCall } from './kernel/call.js';

/** What `this` is inside a kernel function. */
export interface KernelThis {
  readonly thread: { readonly x: number; readonly y: number; readonly z: number };
  readonly constants: Readonly<Record<string, number>>;
}

/**
 * Computes one element of an output: the one at flat position `this.thread.x`, or at the x, y and z that `threads`
 * asks for. Every operand is an array of its elements in row-major order. gpu.js reads the function's source, so it
 * sees nothing around it: what it needs comes in as operands and constants.
 */
export type KernelFunction = (this: KernelThis, ...operands: number[][]) => number;

type Types<I extends OperandNames> = Operands<I, TensorType>;

export interface JsKernelDefinition<I extends OperandNames, O extends readonly string[], A> {
  /** What `plan()` calls it. Default: the op's name. */
  readonly name?: string | undefined;
  /** The operands of the functions, in this order. Default: all of the op's; a node that lacks one is not supported. */
  readonly operands?: readonly string[] | undefined;
  /** True, or why this node has to be decomposed. */
  readonly supports?: ((inputs: Types<I>, attrs: A) => true | string) | undefined;
  /** Numbers that the functions read as `this.constants`; each set of them is compiled on its own. */
  readonly constants?: ((inputs: Types<I>, attrs: A) => Readonly<Record<string, number>>) | undefined;
  /** One function per output. A node of which another output is read is not supported. */
  readonly outputs: Partial<Results<O, KernelFunction | string>>;
  /** Extents of `this.thread.x`, `.y` and `.z` for an output, x fastest. Default: x alone, over all its elements. */
  readonly threads?: ((output: TensorType) => readonly number[]) | undefined;
}

/** A composite op written in JavaScript, for `gpujs({ kernels })`. */
export interface JsKernel {
  readonly op: AnyOp;
  readonly name: string;
  /** The outputs that it can compute. */
  readonly outputs: ReadonlySet<string>;
  /** True, or why this node has to be decomposed. */
  supports(node: Node, used: ReadonlySet<string>): true | string;
  /** The call that computes one output. */
  call(node: Node, output: string): KernelCall;
}

/**
 * Prototypes a kernel for a composite op in plain JavaScript. Its decomposition stays the meaning, what gradients go
 * through, and what runs where this kernel does not apply.
 */
export function jsKernel<const I extends OperandNames, const O extends readonly string[], A>(
  op: Op<I, O, A>,
  definition: JsKernelDefinition<I, O, A>,
): JsKernel {
  const { name = op.name, supports, constants, threads } = definition;
  const sources = new Map<string, string>(
    Object.entries(definition.outputs).map(([output, source]) => [output, sourceOf(source as () => number)]),
  );
  const operandsOf = ({ inputs }: Node): readonly string[] =>
    definition.operands ??
    (op.inputs === 'variadic' ? Object.keys(inputs) : op.inputs.map((operand) => operand.replace('?', '')));
  const typesOf = (node: Node) => node.inputs as unknown as Types<I>;
  return {
    op: op as AnyOp,
    name,
    outputs: new Set(sources.keys()),
    supports(node, used) {
      const absent = operandsOf(node).filter((operand) => !node.inputs[operand]);
      if (absent.length) return `no ${absent.join(', ')}`;
      const unwritten = [...used].filter((output) => !sources.has(output));
      if (unwritten.length) return `${unwritten.join(', ')} is read`;
      return supports?.(typesOf(node), node.attrs as A) ?? true;
    },
    call: (node, output) => ({
      source: sources.get(output) as string,
      constants: constants?.(typesOf(node), node.attrs as A),
      threads: threads?.(node.outputs[output]) ?? [sizeOf(node.outputs[output].shape)],
      operands: operandsOf(node).map((operand): Value => node.inputs[operand]),
    }),
  };
}

/** The text of a function; a method's lacks the word `function`. */
function sourceOf(kernel: (() => number) | string): string {
  const text = String(kernel);
  return /^(async|function|\()/.test(text) ? text : `function ${text}`;
}
