import { allocate, type HostTensor, pack, random, sizeOf } from '@emu-ts/base';
import { flatten, type Param, type ParamTree } from './param.js';

export interface InitializeOptions {
  /** Any integer up to 2^53. */
  readonly seed: number;
  /** Goes before every name, without a trailing dot. */
  readonly prefix?: string | undefined;
}

/**
 * Draws the starting value of every weight. A weight's numbers depend on the seed and its full name alone, so a
 * tree may be initialised in parts and in any order.
 */
export function initialize(tree: ParamTree, { seed, prefix }: InitializeOptions): Map<string, HostTensor> {
  const out = new Map<string, HostTensor>();
  for (const [name, weight] of flatten(tree, prefix)) out.set(name, initializeParam(name, weight, seed));
  return out;
}

/** The starting value of one weight: for trees too large to hold at once. */
export function initializeParam(name: string, { init, shape, dtype }: Param, seed: number): HostTensor {
  const length = sizeOf(shape);
  if (init.kind === 'zeros') return { dtype, shape, data: allocate(dtype, length) };
  const data = new Float32Array(length);
  if (init.kind === 'ones') data.fill(1);
  else {
    const stream = random(seed, streamOf(name));
    const draw = init.kind === 'normal' ? stream.normal : stream.uniform;
    const [offset, scale] = init.kind === 'normal' ? [init.mean, init.std] : [-init.bound, 2 * init.bound];
    for (let start = 0; start < length; start += block) {
      const numbers = draw(Math.min(block, length - start), start);
      for (let i = 0; i < numbers.length; i++) data[start + i] = offset + scale * numbers[i];
    }
  }
  return { dtype, shape, data: dtype === 'f32' ? data : pack(dtype, data) };
}

/** Numbers drawn at once: keeps temporary memory small beside a large weight. */
const block = 1 << 16;

/** FNV-1a over the UTF-8 bytes of a name: its stream of random numbers. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
