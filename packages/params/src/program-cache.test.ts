import type { Program } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { ProgramCache } from './index.js';

/** Programs that only say when they were made and disposed. */
function recorder() {
  const events: string[] = [];
  const compile = (name: string) => async (): Promise<Program> => {
    events.push(`+${name}`);
    const dispose = async () => {
      events.push(`-${name}`);
    };
    return { inputs: {}, outputs: {}, run: async () => ({}), dispose, [Symbol.asyncDispose]: dispose };
  };
  return { events, compile };
}

const nothing = async () => {};

describe('ProgramCache', () => {
  it('compiles once per key and drops the least recently used', async () => {
    const { events, compile } = recorder();
    await using cache = new ProgramCache(2);
    for (const key of ['a', 'b', 'a', 'c', 'a']) await cache.with(key, compile(key), nothing);
    expect(events).toEqual(['+a', '+b', '+c', '-b']);
  });

  it('compiles once for calls that come together', async () => {
    const { events, compile } = recorder();
    await using cache = new ProgramCache();
    await Promise.all([1, 2, 3].map(() => cache.with('a', compile('a'), nothing)));
    expect(events).toEqual(['+a']);
  });

  it('disposes a program in use only when its last user is done', async () => {
    const { events, compile } = recorder();
    const cache = new ProgramCache(1);
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const running = cache.with('a', compile('a'), () => gate);
    await cache.with('b', compile('b'), nothing);
    expect(events).toEqual(['+a', '+b']);
    const disposed = cache.dispose();
    await Promise.resolve();
    expect(events).not.toContain('-a');
    release();
    await Promise.all([running, disposed]);
    expect(events.slice(2).sort()).toEqual(['-a', '-b']);
  });

  it('tries again after a failed compilation, and keeps a program whose use failed', async () => {
    const { events, compile } = recorder();
    await using cache = new ProgramCache();
    const broken = () => cache.with('a', () => Promise.reject(new Error('no memory')), nothing);
    await expect(broken()).rejects.toThrow('no memory');
    await expect(cache.with('a', compile('a'), () => Promise.reject(new Error('bad run')))).rejects.toThrow(
      'bad run',
    );
    await cache.with('a', compile('other'), nothing);
    expect(events).toEqual(['+a']);
  });

  it('refuses work after it was disposed', async () => {
    const { compile } = recorder();
    const cache = new ProgramCache();
    await cache.dispose();
    await expect(cache.with('a', compile('a'), nothing)).rejects.toMatchObject({ code: 'DISPOSED' });
    await cache.dispose();
  });
});
