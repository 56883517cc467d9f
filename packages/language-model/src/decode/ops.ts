import { ShapeError } from '@emu-ts/base';
import { add, defineOp, dims, expectShape, formatType, mul, reshape, size, type Value } from '@emu-ts/graph';
import { mergeHeads, rmsNormOp, ropeOp, silu, splitHeads } from '@emu-ts/nn';
import { cachedAttentionOp } from '../cached-attention/op.js';
import type { Format } from './formats.js';

/**
 * What a block computes of one new position per row, in pieces that a GPU runs in few dispatches: nobody writes these
 * ops into a model, kernels claim them where a model's graph says the same. x holds one position of each of b rows.
 */
type Named = Readonly<Record<string, Value>>;

const normed = ({ x, gain }: Named, eps: number): Value => rmsNormOp({ x, weight: gain }, { eps }).y;

/**
 * x + Wₒ · attention(rope(W_q n), rope(W_k n), W_v n) with n = norm(x), over a past [b h c d] that grows by one: x [… width]
 * of b rows, gain [width], q, k, v [h·d width], o [width h·d]; the others as `nn.rope` and `attention.cached` have them.
 */
export const attentionStepOp = (format: Format) =>
  defineOp({
    name: `language_model.attention_step${format.suffix}`,
    inputs: [
      'x',
      'gain',
      ...['q', 'k', 'v', 'o'].flatMap(format.operands),
      ...['positions', 'cos', 'sin', 'keys', 'values', 'length', 'padding', 'rows?'],
    ] as readonly string[],
    outputs: ['y', 'keysOut', 'valuesOut'],
    infer({ x, keys, values, positions, q, k, v }: Named, _: { eps: number; scale: number }) {
      const { b, h, d } = dims(keys, 'b h c d');
      expectRows('language_model.attention_step', x, b);
      expectShape('language_model.attention_step', 'positions', positions, [b, 1]);
      for (const weight of [q, k, v])
        if (weight.shape[0] !== h * d)
          throw new ShapeError(
            `language_model.attention_step: ${formatType(weight)} has not ${h} · ${d} outputs.`,
          );
      return { y: x, keysOut: keys, valuesOut: values };
    },
    decompose(given: Named, { eps, scale }) {
      const { x, positions, cos, sin, keys, values, length, padding, rows } = given;
      const { b, h } = dims(keys, 'b h c d');
      const width = size(x) / b;
      const n = reshape(normed(given, eps), [b, 1, width]);
      const heads = (name: string) => splitHeads(format.linear(n, given, name), h);
      const turned = (name: string) => ropeOp({ x: heads(name), positions, cos, sin }, {}).y;
      const operands = { q: turned('q'), k: turned('k'), v: heads('v'), keys, values, length, padding, rows };
      const { out, keysOut, valuesOut } = cachedAttentionOp(operands, { scale });
      const y = add(reshape(format.linear(mergeHeads(out), given, 'o'), x.shape), x);
      return { y, keysOut, valuesOut };
    },
  });

/** x + W_down (silu(W_gate n) · W_up n) with n = norm(x): x [… width], gate, up [hidden width], down [width hidden]. */
export const feedForwardStepOp = (format: Format) =>
  defineOp({
    name: `language_model.feed_forward_step${format.suffix}`,
    inputs: ['x', 'gain', ...['gate', 'up', 'down'].flatMap(format.operands)] as readonly string[],
    outputs: ['y'],
    infer: ({ x }: Named, _: { eps: number }) => ({ y: x }),
    decompose(given: Named, { eps }) {
      const n = normed(given, eps);
      const hidden = mul(silu(format.linear(n, given, 'gate')), format.linear(n, given, 'up'));
      return { y: add(format.linear(hidden, given, 'down'), given.x) };
    },
  });

/** W · norm(x): x [… width], weight [n width]. */
export const normLinearOp = (format: Format) =>
  defineOp({
    name: `language_model.norm_linear${format.suffix}`,
    inputs: ['x', 'gain', ...format.operands('weight')] as readonly string[],
    outputs: ['y'],
    infer: ({ x, weight }: Named, _: { eps: number }) => ({
      y: { shape: [...x.shape.slice(0, -1), weight.shape[0]], dtype: x.dtype },
    }),
    decompose: (given: Named, { eps }) => ({ y: format.linear(normed(given, eps), given, 'weight') }),
  });

function expectRows(op: string, x: Value, b: number): void {
  const rows = size(x) / x.shape[x.shape.length - 1];
  if (rows !== b)
    throw new ShapeError(`${op}: ${formatType(x)} holds ${rows} positions, the cache has ${b} rows.`);
}
