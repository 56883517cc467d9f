import { EmuError, f16ToF32, f32ToF16, type HostTensor, ShapeError, tensor, toF64 } from '@emu-ts/base';
import { groupSize, type QuantizedBits } from './op.js';

/** What `nn.linear_int4` and `nn.linear_int8` take in place of a weight [n k]. */
export interface QuantizedWeight {
  /** [n groups 32·bits/8] */
  readonly codes: HostTensor<'u8'>;
  /** [n groups] */
  readonly scales: HostTensor<'f16'>;
}

/**
 * Rounds a weight [n k] to `bits` bits in groups of 32 along k. Of the two symmetric scales that suggest themselves,
 * the largest magnitude at the last code of its own sign or at the last code both signs have, each group takes the one
 * with the smaller squared error. Throws `QUANTIZE_RANGE` on numbers that no f16 scale can span.
 */
export function quantizeLinear(weight: HostTensor, bits: QuantizedBits): QuantizedWeight {
  if (weight.shape.length !== 2)
    throw new ShapeError(`quantizeLinear: a weight is [out in], got [${weight.shape}].`);
  const [n, k] = weight.shape;
  const groups = Math.ceil(k / groupSize);
  const bytes = (groupSize * bits) / 8;
  const values = toF64(weight);
  const codes = new Uint8Array(n * groups * bytes);
  const scales = new Uint16Array(n * groups);
  for (let g = 0; g < n * groups; g++) {
    const row = Math.floor(g / groups);
    const start = (g % groups) * groupSize;
    const group = values.subarray(row * k + start, row * k + Math.min(start + groupSize, k));
    const best = bestOf(candidates(group, bits).map((scale) => roundGroup(group, scale, bits)));
    scales[g] = f32ToF16(best.scale);
    pack(best.codes, bits, codes.subarray(g * bytes, (g + 1) * bytes));
  }
  return {
    codes: tensor('u8', [n, groups, bytes], codes),
    scales: tensor('f16', [n, groups], scales),
  };
}

/** Scales that put the largest magnitude on code −2^(bits−1), or on ±(2^(bits−1) − 1); as f16 stores them. */
function candidates(group: Float64Array, bits: QuantizedBits): number[] {
  const extreme = group.reduce((a, b) => (Math.abs(b) > Math.abs(a) || Number.isNaN(b) ? b : a), 0);
  const half = 2 ** (bits - 1);
  const scales = [Math.abs(extreme) / (half - 1), -extreme / half].map((scale) => f16ToF32(f32ToF16(scale)));
  if (scales.every(Number.isFinite)) return scales;
  throw new EmuError(
    'QUANTIZE_RANGE',
    `A weight of ${extreme} needs a scale beyond the largest f16 of 65504.`,
  );
}

interface Rounded {
  readonly scale: number;
  readonly error: number;
  /** 32 unsigned codes; those beyond the weight stand for zero. */
  readonly codes: Uint8Array;
}

function roundGroup(group: Float64Array, scale: number, bits: QuantizedBits): Rounded {
  const half = 2 ** (bits - 1);
  const codes = new Uint8Array(groupSize).fill(half);
  let error = 0;
  group.forEach((value, i) => {
    const level = scale ? Math.min(half - 1, Math.max(-half, Math.round(value / scale))) : 0;
    codes[i] = level + half;
    error += (value - level * scale) ** 2;
  });
  return { scale, error, codes };
}

const bestOf = (options: readonly Rounded[]): Rounded =>
  options.reduce((a, b) => (b.error < a.error ? b : a));

/** Two 4-bit codes to a byte, the even element in the low half. */
function pack(codes: Uint8Array, bits: QuantizedBits, out: Uint8Array): void {
  if (bits === 8) out.set(codes);
  else for (let i = 0; i < out.length; i++) out[i] = codes[2 * i] | (codes[2 * i + 1] << 4);
}
