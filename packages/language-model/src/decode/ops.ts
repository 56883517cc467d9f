import { ShapeError } from '@emu-ts/base';
import { add, defineOp, dims, expectShape, formatType, mul, reshape, size, type Value } from '@emu-ts/graph';
import { linearOp, mergeHeads, rmsNormOp, ropeOp, silu, splitHeads } from '@emu-ts/nn';
import { cachedAttentionOp } from '../cached-attention/op.js';
import type { Format } from './formats.js';

/**
 * What a block computes of one new position per row, in pieces that a GPU runs in few dispatches: nobody writes these
 * ops into a model, kernels claim them where a model's graph says the same. x holds one position of each of b rows.
 */
type Named = Readonly<Record<string, Value>>;

const projections = ['q', 'k', 'v', 'o'];

const normed = ({ x, gain }: Named, eps: number): Value => rmsNormOp({ x, weight: gain }, { eps }).y;

/**
 * x + Wₒ · attention(rope(W_q n), rope(W_k n), W_v n) with n = norm(x), over a past [b h c d] that grows by one: x [… width]
 * of b rows, gain [width], q, k, v [h·d width], o [width h·d]; the others as `nn.rope` and `attention.cached` have them. All
 * four weights may have low-rank updates factor · B A of one rank r: A [r in], B [out r], and a factor [] or none for 1.
 */
export const attentionStepOp = (format: Format) =>
  defineOp({
    name: `language_model.attention_step${format.suffix}`,
    inputs: [
      'x',
      'gain',
      ...projections.flatMap(format.operands),
      ...projections.flatMap((name) => [`${name}A?`, `${name}B?`, `${name}Factor?`]),
      ...['positions', 'cos', 'sin', 'keys', 'values', 'length', 'padding', 'rows?'],
    ] as readonly string[],
    outputs: ['y', 'keysOut', 'valuesOut'],
    infer(given: Named, _: { eps: number; scale: number }) {
      const { x, keys, values, positions, q, k, v } = given;
      const { b, h, d } = dims(keys, 'b h c d');
      expectRows('language_model.attention_step', x, b);
      expectShape('language_model.attention_step', 'positions', positions, [b, 1]);
      for (const weight of [q, k, v])
        if (weight.shape[0] !== h * d)
          throw new ShapeError(
            `language_model.attention_step: ${formatType(weight)} has not ${h} · ${d} outputs.`,
          );
      for (const name of projections) expectUpdate(given, name, given.qA?.shape[0]);
      return { y: x, keysOut: keys, valuesOut: values };
    },
    decompose(given: Named, { eps, scale }) {
      const { x, positions, cos, sin, keys, values, length, padding, rows } = given;
      const { b, h } = dims(keys, 'b h c d');
      const width = size(x) / b;
      const n = reshape(normed(given, eps), [b, 1, width]);
      const project = (y: Value, name: string) => updatedLinear(format, y, given, name);
      const heads = (name: string) => splitHeads(project(n, name), h);
      const turned = (name: string) => ropeOp({ x: heads(name), positions, cos, sin }, {}).y;
      const operands = { q: turned('q'), k: turned('k'), v: heads('v'), keys, values, length, padding, rows };
      const { out, keysOut, valuesOut } = cachedAttentionOp(operands, { scale });
      const y = add(reshape(project(mergeHeads(out), 'o'), x.shape), x);
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

/** W x, and factor · B (A x) where there is an update. */
function updatedLinear(format: Format, x: Value, given: Named, name: string): Value {
  const y = format.linear(x, given, name);
  const { [`${name}A`]: down, [`${name}B`]: up, [`${name}Factor`]: factor } = given;
  if (!down || !up) return y;
  const update = linearOp({ x: linearOp({ x, weight: down }, {}).y, weight: up }, {}).y;
  return add(y, factor ? mul(update, factor) : update);
}

function expectUpdate(given: Named, name: string, rank: number | undefined): void {
  const { [`${name}A`]: down, [`${name}B`]: up, [`${name}Factor`]: factor } = given;
  const scalar = factor === undefined || factor.shape.length === 0;
  if (down?.shape[0] === rank && up?.shape[1] === rank && scalar) return;
  throw new ShapeError(
    `language_model.attention_step: '${name}' wants an update of rank ${rank ?? 'none'} and one factor.`,
  );
}

function expectRows(op: string, x: Value, b: number): void {
  const rows = size(x) / x.shape[x.shape.length - 1];
  if (rows !== b)
    throw new ShapeError(`${op}: ${formatType(x)} holds ${rows} positions, the cache has ${b} rows.`);
}
