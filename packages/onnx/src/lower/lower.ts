import { convert, type DType, EmuError, type HostTensor } from '@emu-ts/base';
import { type Graph, inputName, type Node, primitiveName, type Value } from '@emu-ts/graph';
import { ModelBuilder } from '../model/builder.js';
import { hostType } from '../model/dtype.js';
import type { Size } from '../model/size.js';
import type { Lowering, LoweringContext, NativeLowering, Operand, OperandType } from './context.js';
import { primitiveLowerings } from './primitives/index.js';

/** How an export with named axes sees sizes; everywhere else they are the graph's own numbers. */
export interface Sizes {
  of(value: Value): readonly Size[];
  attribute(node: Node, name: string): unknown;
  /** A number among the attributes as ONNX nodes. */
  scalar(model: ModelBuilder, node: Node, name: string, dtype: DType): string;
  /** Where the size of each named axis is read. */
  readonly axes: Readonly<Record<string, AxisSource>>;
}

/** A dimension of an input whose size is `factor · axis + offset`. */
export interface AxisSource {
  readonly value: Value;
  readonly dimension: number;
  readonly factor: number;
  readonly offset: number;
}

/** A weight inside the model rather than among its inputs. */
export interface Embedded {
  readonly initializer: string;
  readonly weight: string;
  readonly dtype: DType;
}

export interface Lowered {
  readonly model: ModelBuilder;
  /** The inputs that the file has, in the graph's order. */
  readonly inputs: readonly string[];
  /** The file's name of every output of the graph. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly embedded: readonly Embedded[];
}

export interface LowerOptions {
  readonly natives: ReadonlyMap<Node, NativeLowering>;
  /** Inputs that become initializers instead. */
  readonly embed: ReadonlySet<string>;
  readonly sizes?: Sizes | undefined;
}

const concreteSizes: Sizes = {
  of: ({ shape }) => shape,
  attribute: ({ attrs }, name) => attrs[name],
  scalar: (model, { attrs }, name, dtype) => model.scalar(dtype, attrs[name] as number),
  axes: {},
};

/** Emits a prepared graph, node by node. */
export function lower(graph: Graph, { natives, embed, sizes = concreteSizes }: LowerOptions): Lowered {
  const model = new ModelBuilder();
  const embedded: Embedded[] = [];
  const names = new Map<Value, string>();
  for (const name of Object.keys(graph.inputs)) model.reserve(name);
  const outputNames = Object.fromEntries(
    Object.keys(graph.outputs).map((name) => [
      name,
      name in graph.inputs ? model.fresh(`${name}.out`) : name,
    ]),
  );
  for (const name of Object.values(outputNames)) model.reserve(name);

  const embedWeight = (weight: string, dtype: DType, shape: readonly number[], initializer: string) => {
    const known = embedded.find((e) => e.weight === weight && hostType(e.dtype) === hostType(dtype));
    if (known) return known.initializer;
    embedded.push({ initializer, weight, dtype: hostType(dtype) });
    return model.placeholder(initializer, dtype, shape);
  };

  /** An input appears in the file when something first reads it: embedded weights never do. */
  const nameOf = (value: Value): string => {
    const name = inputName(value);
    const known = names.get(value);
    if (known || name === undefined) return known as string;
    const given = embed.has(name)
      ? embedWeight(name, value.dtype, value.shape, name)
      : model.input(name, value.dtype, sizes.of(value));
    names.set(value, given);
    return given;
  };
  const typeOf = (value: Value): OperandType => ({ dtype: hostType(value.dtype), shape: sizes.of(value) });
  const operand = (value: Value): Operand => ({
    ...typeOf(value),
    get name() {
      return nameOf(value);
    },
  });

  for (const [axis, { value, dimension, factor, offset }] of Object.entries(sizes.axes)) {
    model.defineAxis(axis, () => {
      const size = model.emit('Shape', [nameOf(value)], { start: dimension, end: dimension + 1 });
      const scaled = offset === 0 ? size : model.emit('Sub', [size, model.ints([offset])]);
      return factor === 1 ? scaled : model.emit('Div', [scaled, model.ints([factor])]);
    });
  }

  const context = (node: Node): LoweringContext => ({
    model,
    inputs: mapValues(node.inputs, operand),
    attrs: node.attrs,
    outputs: mapValues(node.outputs, typeOf),
    sizes: (attribute) => sizes.attribute(node, attribute) as readonly Size[],
    scalar: (attribute, dtype) => sizes.scalar(model, node, attribute, dtype),
    embed: (name, dtype) => {
      const value = node.inputs[name];
      const weight = inputName(value);
      if (weight === undefined) return model.constant(convert(value.node.attrs.tensor as HostTensor, dtype));
      const plain = embed.has(weight) && hostType(value.dtype) === hostType(dtype);
      return embedWeight(weight, dtype, value.shape, plain ? weight : model.fresh(`${weight}.${dtype}`));
    },
  });

  for (const node of graph.nodes) {
    const primitive = primitiveName(node.op);
    if (primitive === 'input') continue;
    const [value] = Object.values(node.outputs);
    if (primitive === 'constant') {
      const data = convert(node.attrs.tensor as HostTensor, hostType(value.dtype));
      names.set(value, model.constant(data));
    } else if (primitive) {
      // Each lowering is typed by its own op; which one this node holds is known only here.
      names.set(value, (primitiveLowerings[primitive] as unknown as Lowering)(context(node) as never));
    } else {
      const native = natives.get(node);
      if (!native) throw new EmuError('NOT_LOWERED', `${node.op.name} is neither a primitive nor native.`);
      for (const [name, given] of Object.entries(native.lower(context(node))))
        names.set(node.outputs[name], given);
    }
  }
  for (const [name, value] of Object.entries(graph.outputs))
    model.output(outputNames[name], nameOf(value), value.dtype, sizes.of(value));
  return { model, inputs: model.orderInputs(Object.keys(graph.inputs)), outputs: outputNames, embedded };
}

const mapValues = <A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
