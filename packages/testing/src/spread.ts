import { type HostTensor, isFloat, random, tensor, toF64 } from '@emu-ts/base';
import type { TensorSource } from '@emu-ts/checkpoint';
import { margin, unitRoundoff } from './tolerance.js';

/**
 * How far rounding can move a result, found by trying. A formula of terms and depth knows nothing of what a model does
 * with an error: a sharp softmax, a loop that reads its own output or a few updates of AdamW multiply it, each model by
 * its own factor. So the f64 oracle computes the result again with every weight off by about what rounding the product
 * it stands in would do (u √fan-in, times the margin of all tolerances), and what changes is allowed on top of the
 * formula. Where a kink is near (a ReLU that opens, a gradient that changes its sign) the change is a jump, and a run may
 * meet several where a draw met one: hence the reserve.
 */
const draws = 4;
const reserve = 4;

/** Results by name, from weights. */
export type Oracle = (weights: TensorSource) => Promise<Readonly<Record<string, HostTensor>>>;

/** `Expectation.spread` of every result of an oracle: the computation on the interpreter. */
export async function spreadOf(oracle: Oracle, weights: TensorSource): Promise<Record<string, number>> {
  const exact = await oracle(weights);
  const spread = Object.fromEntries(Object.keys(exact).map((name) => [name, 0]));
  for (let draw = 1; draw <= draws; draw++) {
    const moved = await oracle(perturbed(weights, draw));
    for (const [name, result] of Object.entries(exact))
      spread[name] = Math.max(spread[name], reserve * distance(result, moved[name]));
  }
  return spread;
}

/** The same weights, each off by several roundings. */
function perturbed(weights: TensorSource, draw: number): TensorSource {
  const streams = new Map([...weights.entries.keys()].map((name, i) => [name, i]));
  return {
    entries: weights.entries,
    async read(name, options) {
      const t = await weights.read(name, options);
      if (!isFloat(t.dtype)) return t;
      const fanIn = t.shape.length > 1 ? t.data.length / t.shape[0] : 1;
      const size = margin * unitRoundoff.f32 * Math.sqrt(fanIn);
      const noise = random(draw, streams.get(name)).normal(t.data.length);
      return tensor(
        'f64',
        t.shape,
        toF64(t).map((x, i) => x * (1 + size * noise[i])),
      );
    },
  };
}

function distance(a: HostTensor, b: HostTensor): number {
  const [x, y] = [toF64(a), toF64(b)];
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i])), 0);
}
