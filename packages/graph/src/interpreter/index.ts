import { convert, EmuError, type HostTensor, ShapeError, tensor, toF64 } from '@emu-ts/base';
import type { AnyTensor, CompileOptions, DeviceTensor, Executor, Program } from '../executor.js';
import { type Graph, inputName } from '../graph.js';
import { primitiveName } from '../primitives/index.js';
import { expand } from '../rewrite.js';
import { simplify } from '../simplify.js';
import { formatType, sameShape, type TensorType, type Value } from '../value.js';
import { type Array64, array } from './array.js';
import { lowerings } from './lowerings.js';

/**
 * The oracle: runs a graph in f64, one primitive after the other, in plain TypeScript. Slow, obvious, and what every
 * other executor is compared with.
 */
export function interpret(
  graph: Graph,
  inputs: Readonly<Record<string, HostTensor>>,
): Record<string, HostTensor<'f64'>> {
  const arrays = Object.fromEntries(
    Object.entries(inputs).map(([name, t]) => [name, array(t.shape, toF64(t))]),
  );
  const outputs = evaluate(simplify(expand(graph)), arrays);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, data }]) => [name, tensor('f64', shape, data)]),
  );
}

/** Runs an expanded graph, dropping every array after its last use. */
function evaluate(
  graph: Graph,
  inputs: Readonly<Record<string, Array64>>,
  signal?: AbortSignal,
): Record<string, Array64> {
  const uses = new Map<Value, number>();
  const use = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const value of Object.values(node.inputs)) use(value);
  for (const value of Object.values(graph.outputs)) use(value);

  const arrays = new Map<Value, Array64>();
  for (const node of graph.nodes) {
    signal?.throwIfAborted();
    const [value] = Object.values(node.outputs);
    const name = inputName(value);
    if (name !== undefined && inputs[name]) {
      if (!sameShape(inputs[name].shape, value.shape)) {
        throw new ShapeError(`Input '${name}' must be ${formatType(value)}, got [${inputs[name].shape}].`);
      }
      arrays.set(value, inputs[name]);
      continue;
    }
    const operands: Record<string, Array64> = {};
    for (const [operand, from] of Object.entries(node.inputs))
      operands[operand] = arrays.get(from) as Array64;
    const primitive = primitiveName(node.op);
    if (!primitive) throw new EmuError('NOT_PRIMITIVE', `${node.op.name} is not a primitive.`);
    arrays.set(value, lowerings[primitive](node, operands));
    for (const from of Object.values(node.inputs)) {
      const left = (uses.get(from) ?? 0) - 1;
      uses.set(from, left);
      if (left === 0) arrays.delete(from);
    }
  }
  return Object.fromEntries(
    Object.entries(graph.outputs).map(([name, value]) => [name, arrays.get(value) as Array64]),
  );
}

/** A tensor of the interpreter keeps its f64 elements between programs. */
class ReferenceTensor implements DeviceTensor {
  readonly dtype;
  readonly shape;
  #array: Array64 | undefined;

  constructor({ dtype, shape }: TensorType, elements: Array64) {
    this.dtype = dtype;
    this.shape = shape;
    this.#array = elements;
  }

  get array(): Array64 {
    if (!this.#array) throw new EmuError('DISPOSED', `This ${formatType(this)} tensor has been disposed.`);
    return this.#array;
  }

  async read({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<HostTensor> {
    signal?.throwIfAborted();
    const exact = tensor('f64', this.shape, this.array.data);
    return convert(exact, this.dtype);
  }

  dispose(): void {
    this.#array = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const toArray = (t: AnyTensor): Array64 =>
  t instanceof ReferenceTensor ? t.array : array(t.shape, toF64(t as HostTensor));

/** As storage of this type would hold it: state that was read and uploaded again goes on as if it had stayed. */
const store = ({ shape, data }: Array64, { dtype }: TensorType): Array64 =>
  array(shape, toF64(convert(tensor('f64', shape, data), dtype)));

/** The interpreter behind the executor interface. Donated state is rounded to its type between runs; all else is f64. */
export function interpreter(): Executor {
  const compile = async (
    graph: Graph,
    { weights = {}, donate = {} }: CompileOptions = {},
  ): Promise<Program> => {
    const expanded = simplify(expand(graph));
    const fixed = Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, toArray(t)]));
    const open = Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => !(name in fixed)));
    const dispose = async () => {};
    return {
      inputs: open,
      outputs: graph.outputs,
      async run(inputs, { signal } = {}) {
        signal?.throwIfAborted();
        const given = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, toArray(t)]));
        const outputs = evaluate(expanded, { ...fixed, ...given }, signal);
        for (const name of Object.keys(donate)) {
          const state = inputs[name];
          if (state instanceof ReferenceTensor) state.dispose();
        }
        const stored = new Set(Object.values(donate));
        return Object.fromEntries(
          Object.entries(outputs).map(([name, data]) => {
            const type = graph.outputs[name];
            return [name, new ReferenceTensor(type, stored.has(name) ? store(data, type) : data)];
          }),
        );
      },
      dispose,
      [Symbol.asyncDispose]: dispose,
    };
  };
  const dispose = async () => {};
  return {
    name: 'reference',
    upload: async (t) => new ReferenceTensor(t, array(t.shape, toF64(t).slice())),
    compile,
    holds: (t) => t instanceof ReferenceTensor,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
