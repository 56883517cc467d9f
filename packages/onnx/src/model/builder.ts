import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { allocate, type DType, type HostTensor, tensor } from '@emu-ts/base';
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  type ValueInfoProtoSchema,
} from '../proto/onnx_pb.js';
import { hostType } from './dtype.js';
import {
  type Attribute,
  attribute,
  type Initializer,
  type Placement,
  tensorProto,
  valueInfo,
} from './protos.js';
import { factors, isConcrete, type Monomial, type Size } from './size.js';

/** The domain of operators that only ONNX Runtime has. */
export const microsoft = 'com.microsoft';

export interface EmitOptions {
  readonly domain?: string | undefined;
  /** How many results the node has; `emit` returns the name of the first, `emitAll` all. Default 1. */
  readonly results?: number | undefined;
}

/** A node as it is written; `$typeName` is protobuf's own. */
type NodeInit = Pick<MessageInitShape<typeof NodeProtoSchema>, 'name' | 'opType' | 'domain' | 'attribute'> & {
  readonly input: string[];
  readonly output: string[];
};

const opset = 20n;
const irVersion = 9n;

/** Collects the nodes of one ONNX graph. Values are names; every name is given out once. */
export class ModelBuilder {
  readonly initializers: Initializer[] = [];
  readonly #nodes: NodeInit[] = [];
  readonly #inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  readonly #outputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  readonly #names = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  readonly #sizes = new Map<Monomial, string>();
  readonly #axes = new Map<string, () => string>();
  readonly #domains = new Set<string>();
  /** Results of nodes. */
  readonly #results = new Set<string>();
  /** Results that an output's name replaces. */
  readonly #renamed = new Map<string, string>();

  /** A name nobody has, starting with `prefix`. */
  fresh(prefix: string): string {
    for (;;) {
      const n = this.#counts.get(prefix) ?? 0;
      this.#counts.set(prefix, n + 1);
      const name = `${prefix}_${n}`;
      if (!this.#names.has(name)) return this.reserve(name);
    }
  }

  /** Takes a name that a file's user sees, before any other is given out. */
  reserve(name: string): string {
    this.#names.add(name);
    return name;
  }

  input(name: string, dtype: DType, shape: readonly Size[]): string {
    this.#inputs.push(valueInfo(this.reserve(name), dtype, shape));
    return name;
  }

  /** Puts the inputs made so far into this order and returns their names. */
  orderInputs(names: readonly string[]): string[] {
    this.#inputs.sort((a, b) => names.indexOf(a.name as string) - names.indexOf(b.name as string));
    return this.#inputs.map(({ name }) => name as string);
  }

  /**
   * Makes `value` the output `name`. A node's result takes that name, since an Identity would copy it; what is an input, a
   * constant or an output already needs one.
   */
  output(name: string, value: string, dtype: DType, shape: readonly Size[]): void {
    if (this.#results.has(value) && !this.#renamed.has(value)) this.#renamed.set(value, name);
    else this.#node('Identity', [value], [name], {}, '');
    this.#outputs.push(valueInfo(name, dtype, shape));
  }

  /** Adds a node and returns the name of its first result. An operand left out is the empty string. */
  emit(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: EmitOptions = {},
  ): string {
    return this.emitAll(op, inputs, attributes, options)[0];
  }

  emitAll(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    { domain = '', results = 1 }: EmitOptions = {},
  ): string[] {
    const outputs = Array.from({ length: results }, () => this.fresh(op));
    for (const result of outputs) this.#results.add(result);
    this.#node(op, inputs, outputs, attributes, domain);
    return outputs;
  }

  #node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    domain: string,
  ): void {
    this.#domains.add(domain);
    this.#nodes.push({
      name: outputs[0],
      opType: op,
      domain,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }

  /** Embeds a tensor. Small equal ones are embedded once. */
  constant({ dtype, shape, data }: HostTensor, name?: string): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = name === undefined && bytes.length <= 64 ? `${dtype}[${shape}]${bytes}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known) return known;
    const given = name === undefined ? this.fresh('constant') : this.reserve(name);
    this.initializers.push({ name: given, dtype, shape, data: bytes });
    if (key !== undefined) this.#constants.set(key, given);
    return given;
  }

  /** A named tensor whose bytes are provided when the file is written or loaded. */
  placeholder(name: string, dtype: DType, shape: readonly number[]): string {
    this.initializers.push({ name: this.reserve(name), dtype: hostType(dtype), shape, data: undefined });
    return name;
  }

  /** A scalar of any dtype. */
  scalar(dtype: DType, value: number): string {
    return this.constant(tensor(hostType(dtype), [], [value]));
  }

  /** The i64 vector that ONNX wants for axes, starts, ends, steps, pads and shapes. */
  ints(values: readonly number[]): string {
    const data = allocate('i64', values.length);
    values.forEach((value, i) => {
      data[i] = BigInt(value);
    });
    return this.constant({ dtype: 'i64', shape: [values.length], data });
  }

  /** Sizes as an i64 vector, computed where they depend on named axes. */
  shape(sizes: readonly Size[]): string {
    if (isConcrete(sizes)) return this.ints(sizes);
    return this.emit(
      'Concat',
      sizes.map((size) => this.#size(size)),
      { axis: 0 },
    );
  }

  /** `x` in another shape. Sizes that are only known at run time cost nothing when there is but one of them. */
  reshape(x: string, sizes: readonly Size[]): string {
    const unknown = sizes.filter((size) => typeof size !== 'number').length;
    const known = sizes.filter((size) => typeof size === 'number');
    if (known.includes(0)) return this.emit('Reshape', [x, this.shape(sizes)], { allowzero: 1 });
    const target =
      unknown === 1 ? this.ints(sizes.map((s) => (typeof s === 'number' ? s : -1))) : this.shape(sizes);
    return this.emit('Reshape', [x, target]);
  }

  /** Says how a named axis is computed: an i64 vector of one element. Called at most once per axis. */
  defineAxis(name: string, compute: () => string): void {
    this.#axes.set(name, compute);
  }

  #withOutputNames(node: NodeInit): NodeInit {
    const named = (name: string) => this.#renamed.get(name) ?? name;
    return { ...node, input: node.input.map(named), output: node.output.map(named) };
  }

  #size(size: Size): string {
    if (typeof size === 'number') return this.ints([size]);
    return [...size.terms]
      .map(([monomial, c]) => {
        if (monomial === '') return this.ints([c]);
        const value = this.#monomial(monomial);
        return c === 1 ? value : this.emit('Mul', [value, this.ints([c])]);
      })
      .reduce((a, b) => this.emit('Add', [a, b]));
  }

  #monomial(monomial: Monomial): string {
    const known = this.#sizes.get(monomial);
    if (known) return known;
    const [first, ...rest] = factors(monomial);
    const head = (this.#axes.get(first) as () => string)();
    const value = rest.length ? this.emit('Mul', [head, this.#monomial(rest.join('*'))]) : head;
    this.#sizes.set(monomial, value);
    return value;
  }

  /**
   * The file's message.
   * @param place where an initializer's bytes are: in the message, or in an external file at an offset
   */
  model(
    place: (initializer: Initializer) => Placement,
    { name = 'graph', metadata = {} }: { name?: string; metadata?: Readonly<Record<string, string>> } = {},
  ): ModelProto {
    return create(ModelProtoSchema, {
      irVersion,
      producerName: 'emu-ts',
      opsetImport: [
        { domain: '', version: opset },
        ...(this.#domains.has(microsoft) ? [{ domain: microsoft, version: 1n }] : []),
      ],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name,
        node: this.#nodes.map((node) => this.#withOutputNames(node)),
        input: this.#inputs,
        output: this.#outputs,
        initializer: this.initializers.map((initializer) => tensorProto(initializer, place(initializer))),
      },
    });
  }
}
