import { add, exp, mul, tanh, type Value } from '@emu-ts/graph';

/**
 * 1 − βᵗ for a step t known at run time. Written with the identity 1 − eˣ = −tanh(x/2) · (eˣ + 1): the plain
 * difference loses all digits in f32 when β is close to 1 and t is small.
 */
export function oneMinusPower(beta: number, step: Value): Value {
  const exponent = mul(step, Math.log(beta));
  return mul(tanh(mul(exponent, -0.5)), add(exp(exponent), 1));
}
