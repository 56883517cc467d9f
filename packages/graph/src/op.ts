import { EmuError } from '@emu-ts/base';
import type { Node, TensorType, Value } from './value.js';

/** Plain data (numbers, strings, booleans, arrays of them): compared and printed as JSON. */
export type Attrs = Readonly<Record<string, unknown>>;

/** Operand names; a trailing `?` marks an optional one; `variadic` takes any names (`concat`). */
export type OperandNames = readonly string[] | 'variadic';

export type Operands<I extends OperandNames, T> = I extends readonly string[]
  ? { readonly [K in I[number] as K extends `${string}?` ? never : K]: T } & {
      readonly [K in I[number] as K extends `${infer N}?` ? N : never]?: T | undefined;
    }
  : Readonly<Record<string, T>>;

export type Results<O extends readonly string[], T> = { readonly [K in O[number]]: T };

/** What an op's `vjp` sees: its own inputs and outputs, and a cotangent for each output that has one. */
export interface VjpContext<I extends OperandNames, O extends readonly string[], A> {
  readonly inputs: Operands<I, Value>;
  readonly outputs: Results<O, Value>;
  readonly cotangents: Partial<Results<O, Value>>;
  readonly attrs: A;
}

export interface OpDefinition<I extends OperandNames, O extends readonly string[], A> {
  /** `namespace.snake_case` */
  readonly name: `${string}.${string}`;
  readonly inputs: I;
  readonly outputs: O;
  /** The shape and dtype rule. Throws `ShapeError` naming both sides. */
  infer(inputs: Operands<I, Value>, attrs: A): Results<O, TensorType>;
  /** The meaning in smaller ops. Absent only on primitives. */
  decompose?(inputs: Operands<I, Value>, attrs: A): Results<O, Value>;
  /**
   * Cotangents of the inputs. Absent: `decompose` is differentiated. `'none'`: not differentiable, and asking
   * for it throws. An input left out of the result gets no gradient.
   */
  readonly vjp?: 'none' | ((context: VjpContext<I, O, A>) => Partial<Operands<I, Value>>);
  /**
   * The same from consecutive rows (axis 0) of one operand, which an executor may be unable to hold in one piece: a weight
   * larger than a buffer. Undefined for operands that cannot be cut.
   */
  inParts?(
    operand: string,
    parts: readonly Value[],
    inputs: Operands<I, Value>,
    attrs: A,
  ): Results<O, Value> | undefined;
}

/** An op is its definition, callable on values: `layerNorm({ x, weight, bias }, { eps }).y`. */
export interface Op<I extends OperandNames, O extends readonly string[], A> extends OpDefinition<I, O, A> {
  (inputs: Operands<I, Value>, attrs: A): Results<O, Value>;
}

// biome-ignore lint/suspicious/noExplicitAny: a heterogeneous list of ops cannot name each one's attributes
export type AnyOp = Op<any, any, any>;

/** Defines an op. Operand and result names are inferred as literals; attributes come from `infer`'s second argument. */
export function defineOp<const I extends OperandNames, const O extends readonly string[], A extends Attrs>(
  definition: OpDefinition<I, O, A>,
): Op<I, O, A> {
  const op = (inputs: Operands<I, Value>, attrs: A): Results<O, Value> =>
    apply(op as Op<I, O, A>, inputs, attrs);
  const { name, ...rest } = definition;
  Object.defineProperty(op, 'name', { value: name });
  return Object.freeze(Object.assign(op, rest)) as Op<I, O, A>;
}

/** Makes the node of one application and its output values. */
function apply<I extends OperandNames, O extends readonly string[], A extends Attrs>(
  op: Op<I, O, A>,
  operands: Operands<I, Value>,
  attrs: A,
): Results<O, Value> {
  const inputs = present(op, operands as Record<string, Value | undefined>);
  const types = op.infer(inputs as Operands<I, Value>, attrs) as Record<string, TensorType>;
  const outputs: Record<string, Value> = {};
  const node: Node = { op, inputs, attrs, outputs };
  for (const name of op.outputs) {
    const { shape, dtype } = types[name];
    outputs[name] = { shape, dtype, node, output: name };
  }
  return outputs as Results<O, Value>;
}

/** Drops absent optional operands and refuses missing or unknown ones. */
function present(op: AnyOp, operands: Record<string, Value | undefined>): Record<string, Value> {
  const inputs: Record<string, Value> = {};
  for (const [name, value] of Object.entries(operands)) if (value) inputs[name] = value;
  if (op.inputs === 'variadic') return inputs;
  const names = op.inputs as readonly string[];
  const missing = names.filter((name) => !name.endsWith('?') && !inputs[name]);
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name) && !names.includes(`${name}?`));
  if (missing.length || unknown.length) {
    throw new EmuError(
      'OPERANDS',
      `${op.name} takes (${names.join(', ')}); missing: ${missing.join(', ') || 'none'}, unknown: ${unknown.join(', ') || 'none'}.`,
    );
  }
  return inputs;
}
