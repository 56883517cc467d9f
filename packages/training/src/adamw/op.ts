import { add, defineOp, div, expectShape, mul, sqrt, sub, type Value, where } from '@emu-ts/graph';
import { expectF32, expectFlag } from '../optimizer/expect.js';
import { oneMinusPower } from './bias-correction.js';

export type AdamWAttrs = {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
};

/**
 * One step of Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR
 * 2019, algorithm 2), with g = scale · gradient and t = step, counted from 1:
 *
 *   m′ = β₁ m + (1 − β₁) g      v′ = β₂ v + (1 − β₂) g²
 *   param′ = (1 − rate · decay) param − rate / (1 − β₁ᵗ) · m′ / (√v′ / √(1 − β₂ᵗ) + eps)
 *
 * param, gradient, m and v are f32 of one shape; rate, step and scale are f32 scalars. Where the bool scalar `apply` is
 * false, param, m and v come back bit for bit, whatever the gradient holds: that is how a step is skipped without
 * leaving the graph.
 */
export const adamwOp = defineOp({
  name: 'training.adamw',
  inputs: ['param', 'gradient', 'm', 'v', 'rate', 'step', 'scale', 'apply'],
  outputs: ['param', 'm', 'v'],
  infer({ param, gradient, m, v, rate, step, scale, apply }, _: AdamWAttrs) {
    expectF32('training.adamw', { param, gradient, m, v, rate, step, scale });
    for (const [operand, x] of Object.entries({ gradient, m, v }))
      expectShape('training.adamw', operand, x, param.shape);
    for (const [operand, x] of Object.entries({ rate, step, scale }))
      expectShape('training.adamw', operand, x, []);
    expectFlag('training.adamw', apply);
    return { param, m: param, v: param };
  },
  decompose({ param, gradient, m, v, rate, step, scale, apply }, { beta1, beta2, eps, weightDecay }) {
    // A skipped step is the identity because every factor becomes 0 or 1; only the gradient, which may hold NaN,
    // needs to be replaced element by element. What depends on scalars alone is worked out first, once for all
    // parameters: bias corrections go into eps and the rate, so that as few passes over the elements remain as can be.
    const when = (value: Value | number, otherwise: number) => where(apply, value, otherwise);
    const live = when(rate, 0);
    const correction = sqrt(oneMinusPower(beta2, step));
    const stride = div(mul(live, correction), oneMinusPower(beta1, step));
    const g = where(apply, gradient, 0);
    const m1 = add(mul(m, when(beta1, 1)), mul(g, when(mul(scale, 1 - beta1), 0)));
    const v1 = add(mul(v, when(beta2, 1)), mul(mul(g, g), when(mul(mul(scale, scale), 1 - beta2), 0)));
    const direction = div(m1, add(sqrt(v1), mul(correction, eps)));
    const kept = weightDecay === 0 ? param : mul(param, sub(1, mul(live, weightDecay)));
    return { param: sub(kept, mul(direction, stride)), m: m1, v: v1 };
  },
  vjp: 'none',
});
