import { EmuError, isFloat, ShapeError } from '@emu-ts/base';
import { topological } from './graph.js';
import { add, full, zerosLike } from './primitives/index.js';
import { decompose } from './rewrite.js';
import { formatType, type Node, sameType, type Value } from './value.js';

/**
 * Reverse-mode differentiation as a graph transformation. It walks the graph as the model wrote it, composites and
 * all: an op with its own `vjp` uses it, any other is differentiated through its decomposition.
 */

/** d loss / d w for every `w`, for a scalar loss. A `w` the loss does not depend on gets zeros. */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length)
    throw new ShapeError(`gradients: the loss must be a scalar, got ${formatType(loss)}.`);
  return pullback([[loss, full([], 1, loss.dtype)]], wrt).map((gradient, i) => gradient ?? zerosLike(wrt[i]));
}

/**
 * Pulls cotangents of some values back to `wrt`.
 * @param seeds pairs of a value and its cotangent (of the value's type)
 * @returns one cotangent for each `wrt`, undefined where none arrives
 */
export function pullback(
  seeds: readonly (readonly [Value, Value])[],
  wrt: readonly Value[],
): (Value | undefined)[] {
  const targets = new Set(wrt);
  const cotangents = new Map<Value, Value>();
  const accumulate = (value: Value, cotangent: Value) => {
    if (!sameType(value, cotangent)) {
      throw new ShapeError(
        `The cotangent of a ${formatType(value)} must be of its type, got ${formatType(cotangent)}.`,
      );
    }
    const sum = cotangents.get(value);
    cotangents.set(value, sum ? add(sum, cotangent) : cotangent);
  };
  for (const [value, cotangent] of seeds) accumulate(value, cotangent);

  const nodes = topological(
    seeds.map(([value]) => value),
    targets,
  );
  const active = dependents(nodes, targets);
  for (const node of nodes.reverse()) {
    if (!active.has(node)) continue;
    const arriving = Object.fromEntries(
      Object.entries(node.outputs).flatMap(([name, value]) => {
        const cotangent = cotangents.get(value);
        return cotangent ? [[name, cotangent]] : [];
      }),
    );
    if (!Object.keys(arriving).length) continue;
    for (const [name, cotangent] of Object.entries(nodeVjp(node, arriving))) {
      const operand = node.inputs[name];
      if (
        cotangent &&
        operand &&
        isFloat(operand.dtype) &&
        (targets.has(operand) || active.has(operand.node))
      ) {
        accumulate(operand, cotangent);
      }
    }
  }
  return wrt.map((value) => cotangents.get(value));
}

/** The nodes through which some target can be reached: nothing else needs differentiating. */
function dependents(nodes: readonly Node[], targets: ReadonlySet<Value>): Set<Node> {
  const active = new Set<Node>();
  for (const node of nodes) {
    const operands = Object.values(node.inputs);
    if (operands.some((value) => targets.has(value) || active.has(value.node))) active.add(node);
  }
  return active;
}

function nodeVjp(node: Node, cotangents: Record<string, Value>): Record<string, Value | undefined> {
  const { op, inputs, outputs, attrs } = node;
  if (op.vjp === 'none') {
    throw new EmuError('NOT_DIFFERENTIABLE', `${op.name} has no gradient, and the loss depends on it.`);
  }
  if (op.vjp) return op.vjp({ inputs, outputs, cotangents, attrs }) as Record<string, Value | undefined>;
  const meaning = decompose(node);
  const names = Object.keys(inputs);
  const pulled = pullback(
    Object.entries(cotangents).map(([name, cotangent]) => [meaning[name], cotangent] as const),
    names.map((name) => inputs[name]),
  );
  // The same value may stand at two operands: its whole cotangent is already in the first.
  const firsts = names.map((name, i) => names.findIndex((other) => inputs[other] === inputs[name]) === i);
  return Object.fromEntries(names.map((name, i) => [name, firsts[i] ? pulled[i] : undefined]));
}
