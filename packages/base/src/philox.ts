/**
 * Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11): a counter-based generator.
 * Number i of stream s under a seed never depends on what was drawn before, so every executor, thread and resumed
 * run sees the same numbers.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** The upper 32 bits of a 32 × 32 bit product. */
function mulHigh(a: number, b: number): number {
  const ah = a >>> 16;
  const al = a & 0xffff;
  const bh = b >>> 16;
  const bl = b & 0xffff;
  const mid = ah * bl + ((al * bl) >>> 16);
  const mid2 = al * bh + (mid & 0xffff);
  return (ah * bh + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** One block: four 32-bit words from a 128-bit counter and a 64-bit key, written to `out` at `at`. */
export function philoxBlock(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
  at = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, c0);
    const h1 = mulHigh(M1, c2);
    const l0 = Math.imul(M0, c0);
    const l1 = Math.imul(M1, c2);
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1 >>> 0;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** Random numbers of one seed and stream. `offset` is the index of the first number. */
export interface Random {
  /** Uniform 32-bit words. */
  bits(length: number, offset?: number): Uint32Array;
  /** Uniform in [0, 1), 24 bits each. */
  uniform(length: number, offset?: number): Float32Array;
  /** Standard normal (Box–Muller on consecutive pairs). */
  normal(length: number, offset?: number): Float32Array;
}

/** @param seed any integer up to 2^53; @param stream separates independent uses of one seed. */
export function random(seed: number, stream = 0): Random {
  const key = [seed >>> 0, Math.floor(Math.abs(seed) / 2 ** 32) >>> 0] as const;
  const bits = (length: number, offset = 0) => {
    const first = Math.floor(offset / 4);
    const blocks = Math.ceil((offset + length) / 4) - first;
    const words = new Uint32Array(blocks * 4);
    for (let i = 0; i < blocks; i++) {
      const n = first + i;
      philoxBlock([n >>> 0, Math.floor(n / 2 ** 32) >>> 0, stream >>> 0, 0], key, words, i * 4);
    }
    return words.subarray(offset % 4, (offset % 4) + length);
  };
  const uniform = (length: number, offset = 0) =>
    Float32Array.from(bits(length, offset), (word) => (word >>> 8) * 2 ** -24);
  const normal = (length: number, offset = 0) => {
    const start = offset - (offset % 2);
    const u = uniform(length + (offset % 2) + ((length + offset) % 2), start);
    const pairs = new Float32Array(u.length);
    for (let i = 0; i < u.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - u[i]));
      pairs[i] = radius * Math.cos(2 * Math.PI * u[i + 1]);
      pairs[i + 1] = radius * Math.sin(2 * Math.PI * u[i + 1]);
    }
    return pairs.subarray(offset - start, offset - start + length);
  };
  return { bits, uniform, normal };
}
