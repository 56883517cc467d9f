import type { SchedulerConfig } from './config.js';
import type { Mixture } from './linear.js';

const f32 = Math.fround;

/**
 * ᾱ[t] = Π (1 − β) up to t, `[trainTimesteps]`: the share of signal left after t steps of noise. The β are rounded to
 * f32 and the product is kept in f64 and rounded once per entry, as the reference tables were made.
 */
export function cumulativeAlphas({
  trainTimesteps,
  betaStart,
  betaEnd,
  betaSchedule,
}: SchedulerConfig): Float32Array {
  const root = betaSchedule === 'scaled_linear';
  const [start, end] = [betaStart, betaEnd].map((beta) => f32(root ? Math.sqrt(beta) : beta));
  const increment = f32((end - start) / (trainTimesteps - 1));
  const out = new Float32Array(trainTimesteps);
  let product = 1;
  for (let t = 0; t < trainTimesteps; t++) {
    const fromEnd = trainTimesteps - 1 - t;
    const line = t < trainTimesteps / 2 ? f32(start + increment * t) : f32(end - increment * fromEnd);
    product *= f32(1 - (root ? f32(line * line) : line));
    out[t] = product;
  }
  return out;
}

/** Noise per unit of signal, σ = √((1 − ᾱ)/ᾱ): the scale on which Euler and Karras work. */
export const sigmasOf = (alphas: Float32Array): Float32Array =>
  alphas.map((alpha) => f32(f32(1 - alpha) / alpha) ** 0.5);

/** Half the log of the signal to noise ratio, λ = ln √ᾱ − ln √(1 − ᾱ), in f32 throughout. */
export const logSnr = (alphas: Float32Array): Float32Array =>
  alphas.map((alpha) => f32(Math.log(f32(Math.sqrt(alpha)))) - f32(Math.log(f32(Math.sqrt(f32(1 - alpha))))));

/** x₀ in a sample √ᾱ x₀ + √(1 − ᾱ) ε and the model's prediction: (x − √(1 − ᾱ) ε) / √ᾱ, or √ᾱ x − √(1 − ᾱ) v. */
export function cleanFrom(alpha: number, predictionType: SchedulerConfig['predictionType']): Mixture {
  const [signal, noise] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
  return predictionType === 'epsilon'
    ? { sample: 1 / signal, output: -noise / signal }
    : { sample: signal, output: -noise };
}
