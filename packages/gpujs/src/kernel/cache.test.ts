import { GPU } from 'gpu.js';
import { describe, expect, it } from 'vitest';
import { KernelCache } from './cache.js';
import type { KernelCall } from './call.js';

const call = (source: string, threads: readonly number[] = [4]): KernelCall => ({
  source,
  threads,
  operands: [],
});
const returns = (value: number) => call(`function () { return ${value}; }`);

describe('KernelCache', () => {
  it('drops the kernels that were not used for longest, also from gpu.js', () => {
    const gpu = new GPU({ mode: 'cpu' });
    const cache = new KernelCache({ gpu, mode: 'cpu', owned: false }, { kernels: 2, bytes: 0 });
    const [one, two] = [cache.get(returns(1), []), cache.get(returns(2), [])];
    expect(cache.get(returns(1), [])).toBe(one);
    cache.get(returns(3), []);
    expect(cache.size).toBe(2);
    expect(cache.get(returns(1), [])).toBe(one);
    expect(cache.get(returns(2), [])).not.toBe(two);
    expect((gpu as unknown as { kernels: unknown[] }).kernels).toHaveLength(2);
    cache.clear();
    expect((gpu as unknown as { kernels: unknown[] }).kernels).toEqual([]);
  });

  it('bounds the memory of WebAssembly kernels', () => {
    const gpu = new GPU({ mode: 'webasm' });
    const cache = new KernelCache({ gpu, mode: 'wasm', owned: true }, { kernels: 100, bytes: 4 * 40 });
    for (let i = 0; i < 10; i++) cache.get(returns(i), [new Float32Array(6)]); // 10 elements each: 6 read, 4 written
    expect(cache.size).toBe(4);
    cache.get(returns(10), [new Float32Array(36)]);
    expect(cache.size).toBe(1);
  });

  it('shares a kernel between sizes where the code does not depend on them', () => {
    const sizes = (mode: 'cpu' | 'wasm') => {
      const gpu = new GPU({ mode: mode === 'wasm' ? 'webasm' : 'cpu' });
      const cache = new KernelCache({ gpu, mode, owned: true });
      const source = 'function () { return this.thread.x; }';
      const results = [3, 5].map((n) => cache.get(call(source, [n]), [])());
      expect(results).toEqual([Float32Array.of(0, 1, 2), Float32Array.of(0, 1, 2, 3, 4)]);
      return cache.size;
    };
    expect(sizes('cpu')).toBe(1);
    expect(sizes('wasm')).toBe(2);
  });
});
