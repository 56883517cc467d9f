import type { CausalTransformer, RgbImage, VisualEncoder } from '@emu-ts/contracts';
import type { DeviceTensor } from '@emu-ts/graph';
import { beforeEach, describe, expect, it } from 'vitest';
import { lookThrough, Vision } from './vision.js';

/** What is remembered of pictures, where embeddings stay on a device: which tensors live, and how often one looks. */
type Held = { -readonly [K in keyof DeviceTensor]: DeviceTensor[K] };
let alive: Set<Held>;
let looks: number;

const held = (): Held => {
  const tensor: Held = {
    dtype: 'f32',
    shape: [1, 2, 3],
    isLost: false,
    read: async () => ({ dtype: 'f32', shape: [1, 2, 3], data: new Float32Array(6) }),
    dispose: () => alive.delete(tensor),
    [Symbol.dispose]: () => alive.delete(tensor),
  };
  alive.add(tensor);
  return tensor;
};
const rest = { dispose: async () => {}, [Symbol.asyncDispose]: async () => {} };
const encoder: VisualEncoder = { imageSize: 4, tokens: 1, width: 1, encode: async () => held(), ...rest };
const causal: CausalTransformer = {
  queries: 2,
  inputWidth: 1,
  outputWidth: 3,
  embed: async () => {
    looks++;
    return held();
  },
  ...rest,
};
const picture = (shade: number): RgbImage => ({ width: 4, height: 4, data: new Uint8Array(48).fill(shade) });
const eyes = (memory = 2, inPlace = true) => new Vision(encoder, causal, { memory, inPlace });

beforeEach(() => {
  alive = new Set();
  looks = 0;
});

describe('Vision', () => {
  it('looks at a picture once, whoever looks at the same time', async () => {
    using vision = eyes();
    using both = await vision.see([picture(1), picture(1)], 'pil');
    const others = await Promise.all([1, 2].map(() => vision.see([picture(1)], 'pil')));
    expect(looks).toBe(1);
    expect(new Set([both, ...others].flatMap(({ embeddings }) => embeddings)).size).toBe(1);
    const fresh = await Promise.all([1, 2].map(() => vision.see([picture(2)], 'pil')));
    expect(alive.size).toBe(2); // what one of the two made in vain is gone
    for (const seen of [...others, ...fresh]) seen[Symbol.dispose]();
  });

  it('keeps what it forgot as long as somebody uses it', async () => {
    using vision = eyes();
    const first = await vision.see([picture(1)], 'pil');
    (await vision.see([picture(2), picture(3), picture(4)], 'pil'))[Symbol.dispose]();
    expect(alive.has(first.embeddings[0] as Held)).toBe(true);
    expect(alive.size).toBe(3);
    first[Symbol.dispose]();
    expect(alive.size).toBe(2);
    vision.dispose();
    expect(alive.size).toBe(0);
  });

  it('looks again when the device went away', async () => {
    using vision = eyes();
    const lost = await vision.see([picture(1)], 'pil');
    (lost.embeddings[0] as Held).isLost = true;
    lost[Symbol.dispose]();
    using seen = await vision.see([picture(1)], 'pil');
    expect([looks, alive.size]).toEqual([2, 1]);
    expect(alive.has(seen.embeddings[0] as Held)).toBe(true);
  });

  it('lets go of all when it is aborted', async () => {
    const vision = eyes();
    const controller = new AbortController();
    const onProgress = ({ loaded }: { loaded: number }) => loaded === 1 && controller.abort();
    const looking = vision.see([picture(1), picture(2), picture(3)], 'pil', {
      signal: controller.signal,
      onProgress,
    });
    await expect(looking).rejects.toMatchObject({ name: 'AbortError' });
    vision.dispose();
    expect(alive.size).toBe(0);
  });

  it('holds nothing on the device where embeddings are read there', async () => {
    const vision = eyes(2, false);
    using seen = await vision.see([picture(1)], 'pil');
    expect(alive.size).toBe(0);
    expect('data' in seen.embeddings[0]).toBe(true);
  });
});

it('looks at what was drawn without keeping anything of it', async () => {
  const seen = await lookThrough(encoder, causal)([picture(1), picture(2), picture(1)], {});
  expect(seen.shape).toEqual([3, 2, 3]);
  expect([looks, alive.size]).toEqual([3, 0]);
});
