import type { DType } from '@emu-ts/base';
import { formatType, type Graph, type Node, type Value } from '@emu-ts/graph';
import type { AxisSource, Sizes } from '../lower/lower.js';
import type { ModelBuilder } from '../model/builder.js';
import { onnxType } from '../model/dtype.js';
import { type Size, SizeExpression, sizeAt } from '../model/size.js';
import { compare, dynamicAxis, type Trace } from './compare.js';
import { type Axes, fit } from './fit.js';

/** A trace at sizes that the fit has not seen: whatever was inferred must hold there too. */
export interface Check {
  readonly axes: Axes;
  readonly traces: readonly Trace[];
  readonly unseen: Trace;
}

/**
 * Infers every size of the first trace as a polynomial of the named axes. Throws `DYNAMIC_AXIS` naming the node whose
 * size follows no such polynomial.
 */
export function inferSizes({ axes, traces, unseen }: Check): Sizes {
  compare([...traces, unseen]);
  const nodes = new Map<Node, number>(traces[0].graph.nodes.map((node, i) => [node, i]));
  const at = (node: Node, { graph }: Trace): Node => graph.nodes[nodes.get(node) as number];

  /** The size that `read` finds at every trace, as one expression. */
  const infer = (node: Node, what: string, read: (node: Node) => number): Size => {
    const size = fit(
      traces.map((trace) => read(at(node, trace))),
      axes,
    );
    const seen = read(at(node, unseen));
    if (size !== undefined && sizeAt(size, unseen.sizes) === seen) return size;
    const [value] = Object.values(node.outputs);
    const samples = [...traces, unseen].map(
      (trace) => `${read(at(node, trace))} at ${JSON.stringify(trace.sizes)}`,
    );
    throw dynamicAxis(
      `${what} of ${node.op.name} → ${formatType(value)} is no polynomial of the axes: ${samples.join(', ')}.`,
      'Give a third sample for squares; name an axis in the unit in which sizes grow (patches, not pixels).',
    );
  };

  const list = (node: Node, name: string): readonly Size[] =>
    (node.attrs[name] as readonly number[]).map((_, i) =>
      infer(node, `'${name}[${i}]'`, ({ attrs }) => (attrs[name] as readonly number[])[i]),
    );

  const of = ({ node, output, shape }: Value): readonly Size[] =>
    shape.map((_, i) => infer(node, `Dimension ${i}`, ({ outputs }) => outputs[output].shape[i]));

  return {
    of,
    attribute: (node, name) => (Array.isArray(node.attrs[name]) ? list(node, name) : node.attrs[name]),
    scalar: (model, node, name, dtype) => number(model, node, name, dtype),
    axes: Object.fromEntries(Object.keys(axes).map((axis) => [axis, sourceOf(axis, traces[0].graph, of)])),
  };

  /** A number among the attributes: constant, a size, or one divided by a size (a mean over a named axis). */
  function number(model: ModelBuilder, node: Node, name: string, dtype: DType): string {
    const read = (n: Node) => n.attrs[name] as number;
    const all = [...traces, unseen].map((trace) => read(at(node, trace)));
    if (all.every((value) => value === all[0])) return model.scalar(dtype, all[0]);
    const whole = all.every(Number.isInteger);
    const inverse = (n: Node) => Math.round(1 / read(n));
    const exact = all.every((value) => Math.abs(value * Math.round(1 / value) - 1) < 1e-6);
    const size = infer(node, `'${name}'`, whole || !exact ? read : inverse);
    const value = model.emit('Cast', [model.emit('Squeeze', [model.shape([size])])], { to: onnxType(dtype) });
    return whole ? value : model.emit('Reciprocal', [value]);
  }
}

/** An input's dimension from which an axis can be read: `c · axis + k`, plain `axis` where there is one. */
function sourceOf(axis: string, { inputs }: Graph, of: (value: Value) => readonly Size[]): AxisSource {
  const sources = Object.values(inputs).flatMap((value) =>
    of(value).flatMap((size, dimension): AxisSource[] => {
      if (!(size instanceof SizeExpression)) return [];
      const { terms } = size;
      const factor = terms.get(axis);
      if (factor === undefined || [...terms.keys()].some((m) => m !== '' && m !== axis)) return [];
      return [{ value, dimension, factor, offset: terms.get('') ?? 0 }];
    }),
  );
  const plain = sources.find(({ factor, offset }) => factor === 1 && offset === 0);
  const source = plain ?? sources[0];
  if (!source) throw dynamicAxis(`Axis '${axis}' is no dimension of any input, so its size cannot be known.`);
  return source;
}
