import { ShapeError, sizeOf } from '@emu-ts/base';
import {
  add,
  defineOp,
  div,
  expectShape,
  matmul,
  mul,
  reshape,
  sqrt,
  sub,
  sum,
  transpose,
  type Value,
  where,
} from '@emu-ts/graph';
import { expectF32, expectFlag } from '../optimizer/expect.js';

export type MuonAttrs = {
  readonly momentum: number;
  readonly weightDecay: number;
};

/**
 * One step of Muon (Jordan et al., 2024) for a matrix [rows columns], scaled so that rates of AdamW fit (Liu et al., "Muon is Scalable
 * for LLM Training", 2025), with g = scale · gradient:
 *
 *   m′ = μ m + g      u = g + μ m′
 *   param′ = (1 − rate · decay) param − 0.2 √max(rows, columns) · rate · orthogonal(u)
 *
 * where orthogonal(u) sets all singular values of u to about 1: no direction of the update is left behind by the few that
 * gradients mostly point in. A kernel of a convolution counts as a matrix of one row per output channel. param, gradient
 * and m are f32 of one shape; rate and scale are f32 scalars. Where the bool
 * scalar `apply` is false, param and m come back bit for bit, whatever the gradient holds.
 */
export const muonOp = defineOp({
  name: 'training.muon',
  inputs: ['param', 'gradient', 'm', 'rate', 'scale', 'apply'],
  outputs: ['param', 'm'],
  infer({ param, gradient, m, rate, scale, apply }, _: MuonAttrs) {
    if (param.shape.length < 2)
      throw new ShapeError(`training.muon: 'param' must be a matrix or kernel, got [${param.shape}].`, {
        hint: 'Leave vectors to AdamW.',
      });
    expectF32('training.muon', { param, gradient, m, rate, scale });
    for (const [operand, x] of Object.entries({ gradient, m }))
      expectShape('training.muon', operand, x, param.shape);
    for (const [operand, x] of Object.entries({ rate, scale })) expectShape('training.muon', operand, x, []);
    expectFlag('training.muon', apply);
    return { param, m: param };
  },
  decompose({ param, gradient, m, rate, scale, apply }, { momentum, weightDecay }) {
    const when = (value: Value | number, otherwise: number) => where(apply, value, otherwise);
    const live = when(rate, 0);
    const g = mul(where(apply, gradient, 0), when(scale, 0));
    const m1 = add(mul(m, when(momentum, 1)), g);
    const rows = param.shape[0];
    const columns = sizeOf(param.shape) / rows;
    const stride = mul(live, 0.2 * Math.sqrt(Math.max(rows, columns)));
    const u = reshape(add(g, mul(m1, momentum)), [rows, columns]);
    const kept = weightDecay === 0 ? param : mul(param, sub(1, mul(live, weightDecay)));
    return { param: sub(kept, mul(reshape(orthogonal(u), param.shape), stride)), m: m1 };
  },
  vjp: 'none',
});

/** An odd polynomial that, applied five times, brings any number from 0.01 to 1 near 1. */
const [a, b, c] = [3.4445, -4.775, 2.0315];
const rounds = 5;

/** Newton–Schulz: the polynomial of a matrix acts on its singular values. */
function orthogonal(u: Value): Value {
  const wide = u.shape[0] <= u.shape[1];
  // Of tall matrices the transpose has the smaller Gram matrix.
  let x = wide ? u : transpose(u, [1, 0]);
  x = div(x, add(sqrt(sum(mul(x, x), [0, 1])), 1e-20));
  for (let i = 0; i < rounds; i++) {
    const gram = matmul(x, transpose(x, [1, 0]));
    x = add(mul(x, a), matmul(add(mul(gram, b), mul(matmul(gram, gram), c)), x));
  }
  return wide ? x : transpose(x, [1, 0]);
}
