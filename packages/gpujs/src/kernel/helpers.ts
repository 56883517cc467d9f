import type { Mode } from '../gpu.js';

/** A function that kernels may call, as gpu.js takes it. */
export interface KernelFunction {
  readonly name: string;
  readonly source: string;
  readonly settings: {
    readonly argumentTypes: Readonly<Record<string, string>>;
    readonly returnType: string;
  };
}

const float = (source: string): KernelFunction => {
  const [, name, parameters] = /function (\w+)\(([^)]*)\)/.exec(source) as RegExpExecArray;
  const argumentTypes = Object.fromEntries(parameters.split(',').map((p) => [p.trim(), 'Float']));
  return { name, source, settings: { argumentTypes, returnType: 'Float' } };
};

/**
 * ⌊i / n⌋ for whole numbers. A GPU's division may be off by a few units in the last place, on either side of a whole
 * quotient; the remainder tells, and it is exact below 2²⁴.
 */
const quotient = float(`function quotient(i, n) {
  let q = Math.floor(i / n);
  const rest = i - q * n;
  if (rest < 0) { q = q - 1; }
  if (rest >= n) { q = q + 1; }
  return q;
}`);

const remainder = float(`function remainder(i, n) {
  return i - quotient(i, n) * n;
}`);

/** Whole-number division, towards zero. */
const truncatedQuotient = float(`function truncatedQuotient(a, b) {
  const q = quotient(Math.abs(a), Math.abs(b));
  return a * b < 0 ? 0 - q : q;
}`);

/**
 * erf to the precision of f32. Below 1 an even polynomial times x; above, 1 − exp(−z²) · Q(1 / (1 + z/2)), and beyond 4.2
 * the tail is less than half a unit in the last place. Both polynomials interpolate at Chebyshev nodes; errors 4e-11 and
 * 2e-10.
 */
const erf = float(`function erf(x) {
  const z = Math.min(Math.abs(x), 4.2);
  const u = z * z;
  const near = x * (1.128379167 + u * (-0.3761263847 + u * (0.112837825 + u * (-0.02686543073
    + u * (0.005221031808 + u * (-0.0008484080406 + u * (0.0001126595903 - u * 0.000009667044571)))))));
  const t = 1 / (1 + 0.5 * z);
  const tail = Math.exp(-u) * (-0.0001567637425 + t * (0.2849540208 + t * (0.2594089571 + t * (0.3488187223
    + t * (-0.1057865575 + t * (0.5660082225 + t * (-0.4730830688 + t * 0.1198945043)))))));
  const far = x < 0 ? tail - 1 : 1 - tail;
  return z < 1 ? near : far;
}`);

/** The sine of x plus so many quarter turns, as exact as the platform has it. */
const wave = float(`function wave(x, quarters) {
  return quarters === 0 ? Math.sin(x) : Math.cos(x);
}`);

/**
 * The same where the platform's own sine may be off by 2⁻¹¹, as GLSL allows: x less its multiples of π/2, which are taken
 * away in three parts so that the first is exact up to 10⁵, then Taylor's series.
 */
const shaderWave = float(`function wave(x, quarters) {
  const k = Math.floor(x * 0.6366197723675814 + 0.5);
  const r = x - k * 1.5703125 - k * 0.0004837512969970703 - k * 0.0000000754978995489188;
  const u = r * r;
  const sine = r * (1 - u / 6 * (1 - u / 20 * (1 - u / 42 * (1 - u / 72))));
  const cosine = 1 - u / 2 * (1 - u / 12 * (1 - u / 30 * (1 - u / 56 * (1 - u / 90))));
  const quadrant = remainder(k + quarters, 4);
  const odd = remainder(quadrant, 2);
  const value = odd === 0 ? sine : cosine;
  return quadrant < 2 ? value : 0 - value;
}`);

const helpers = [quotient, remainder, truncatedQuotient, erf, wave];
const shaderHelpers = [quotient, remainder, truncatedQuotient, erf, shaderWave];

/** The helpers that a source mentions, and those that they mention themselves. */
export function helpersOf(source: string, mode: Mode): KernelFunction[] {
  const all = mode === 'webgl' ? shaderHelpers : helpers;
  const found = new Set<KernelFunction>();
  const visit = (text: string): void => {
    for (const helper of all) {
      if (found.has(helper) || !text.includes(`${helper.name}(`)) continue;
      found.add(helper);
      visit(helper.source);
    }
  };
  visit(source);
  return [...found];
}
