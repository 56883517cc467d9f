import {
  type AnyOp,
  type Graph,
  input,
  inputName,
  type Node,
  reapply,
  rewrite,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { storedBytes } from '../kernel/storage.js';

/** Consecutive rows (axis 0) of a tensor that is too large for one buffer. */
export interface Part {
  readonly from: number;
  readonly type: TensorType;
}

/** Rows of every part but the last: so many that each part begins at a whole vec4 of the tensor, whatever its dtype. */
const step = 16;

/**
 * The buffers that a tensor lies in: itself where it fits into `limit` bytes, else as few parts as possible; undefined
 * where it has no rows to cut, or too long ones. What is uploaded and what is planned agree, as both ask here.
 */
export function partsOf(type: TensorType, limit: number): readonly Part[] | undefined {
  const bytes = storedBytes(type);
  if (bytes <= limit) return [{ from: 0, type }];
  const [rows, ...rest] = type.shape;
  const each = rows ? Math.floor((limit * rows) / bytes / step) * step : 0;
  if (!each) return undefined;
  return Array.from({ length: Math.ceil(rows / each) }, (_, i) => {
    const from = i * each;
    return { from, type: { dtype: type.dtype, shape: [Math.min(each, rows - from), ...rest] } };
  });
}

export interface Cut {
  readonly graph: Graph;
  /** Names of the inputs that stand for an input of the given name, in order. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
}

/**
 * Puts several inputs in the place of one that is larger than a binding, where every op that reads it says how to do with
 * rows of it. Any other input stays, and whoever binds it finds the limit.
 */
export function cut(graph: Graph, limit: number, keep: ReadonlySet<string>): Cut {
  const large = new Map<Value, Value[]>();
  const parts = new Map<string, string[]>();
  for (const [name, value] of Object.entries(graph.inputs)) {
    const pieces = keep.has(name) ? undefined : partsOf(value, limit);
    if (!pieces || pieces.length < 2 || Object.values(graph.outputs).includes(value)) continue;
    const values = pieces.map(({ type }, i) => input(`${name}[${i}]`, type));
    if (graph.nodes.every((node) => !reads(node, value) || inParts(node, node.inputs, value, values))) {
      large.set(value, values);
      parts.set(
        name,
        values.map((part) => inputName(part) as string),
      );
    }
  }
  if (!large.size) return { graph, parts };
  const rewritten = rewrite(graph, (node, inputs) => {
    const whole = Object.values(inputs).find((value) => large.has(value));
    const outputs = whole && inParts(node, inputs, whole, large.get(whole) as Value[]);
    return outputs ?? reapply(node, inputs);
  });
  return { graph: rewritten, parts };
}

const reads = ({ inputs }: Node, value: Value): boolean => Object.values(inputs).includes(value);

function inParts(
  { op, attrs }: Node,
  inputs: Readonly<Record<string, Value>>,
  whole: Value,
  parts: readonly Value[],
): Readonly<Record<string, Value>> | undefined {
  const places = Object.keys(inputs).filter((name) => inputs[name] === whole);
  if (places.length !== 1) return undefined;
  return (op as AnyOp).inParts?.(places[0], parts, inputs, attrs);
}
