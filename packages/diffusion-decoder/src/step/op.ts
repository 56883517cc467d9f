import { ShapeError } from '@emu-ts/base';
import {
  add,
  concat,
  defineOp,
  dims,
  expectShape,
  formatType,
  matmul,
  mul,
  reshape,
  slice,
  split,
  sub,
  type Value,
} from '@emu-ts/graph';

const name = 'diffusion_decoder.step';

/**
 * What a sampler does between two model calls: guidance, then one small matrix. `state` [k b c h w] is everything the
 * sampler holds, `mixing` [k + 1, k + 1] makes of it and of the prediction the next state and what the model sees next
 * (`mixings` lays both out), and `guidance` [] is the scale, where there is any:
 *
 *   (stateOut, seen) = mixing · (state, prediction)
 *
 * `predictions` and `seen` are [b c h w]; with guidance [2b c h w], conditioned half first and the same picture in both.
 */
export const samplerStepOp = defineOp({
  name,
  inputs: ['predictions', 'state', 'mixing', 'guidance?'],
  outputs: ['stateOut', 'seen'],
  infer({ predictions, state, mixing, guidance }, _: Record<string, never>) {
    const { k, b, c, h, w } = dims(state, 'k b c h w');
    expectShape(name, 'predictions', predictions, [guidance ? 2 * b : b, c, h, w]);
    expectShape(name, 'mixing', mixing, [k + 1, k + 1]);
    if (guidance) expectShape(name, 'guidance', guidance, []);
    for (const operand of [predictions, state, mixing, guidance])
      if (operand && operand.dtype !== 'f32')
        throw new ShapeError(`${name}: all operands must be f32, got ${formatType(operand)}.`);
    return { stateOut: state, seen: predictions };
  },
  decompose({ predictions, state, mixing, guidance }) {
    const { k, b, c, h, w } = dims(state, 'k b c h w');
    const prediction = guidance ? guide(predictions, guidance) : predictions;
    const held = concat([reshape(state, [k, -1]), reshape(prediction, [1, -1])], 0);
    const mixed = matmul(mixing, held); // [k + 1, b·c·h·w]
    const next = reshape(slice(mixed, 0, k, k + 1), [b, c, h, w]);
    return {
      stateOut: reshape(slice(mixed, 0, 0, k), state.shape),
      seen: guidance ? concat([next, next], 0) : next,
    };
  },
  vjp: 'none',
});

/**
 * Classifier-free guidance (Ho and Salimans, 2022): unconditioned + scale · (conditioned − unconditioned).
 *
 * @param predictions [2b c h w], the conditioned half first
 */
export function guide(predictions: Value, scale: Value): Value {
  const batch = predictions.shape[0] / 2;
  const [conditioned, unconditioned] = split(predictions, 0, [batch, batch]);
  return add(unconditioned, mul(scale, sub(conditioned, unconditioned)));
}
