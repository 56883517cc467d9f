import { type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { type DeviceTensor, interpreter } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import {
  CheckpointMismatchError,
  initialize,
  loadParams,
  normal,
  outside,
  param,
  placeParams,
  type TensorSource,
  tensorSource,
  withDtype,
  zeros,
} from './index.js';

const tree = {
  norm: { weight: param([4], zeros) },
  blocks: [{ weight: param([2, 4], normal(1)) }, { weight: param([2, 4], normal(1)) }],
};
const stored = (): Map<string, HostTensor> => initialize(tree, { seed: 1, prefix: 'a' });

/** A source that counts what is read. */
function counting(tensors: ReadonlyMap<string, HostTensor>): TensorSource & { reads: string[] } {
  const source = tensorSource(tensors);
  const reads: string[] = [];
  return {
    ...source,
    reads,
    read(name, options) {
      reads.push(name);
      return source.read(name, options);
    },
  };
}

const failure = async (promise: Promise<unknown>): Promise<CheckpointMismatchError> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(CheckpointMismatchError);
  return error as CheckpointMismatchError;
};

describe('loadParams', () => {
  it('reads every weight and reports bytes', async () => {
    const seen: string[] = [];
    const loaded = await loadParams(tree, tensorSource(stored()), {
      prefix: 'a',
      onProgress: ({ phase, component, loaded, total }) =>
        seen.push(`${phase} ${component} ${loaded}/${total}`),
    });
    expect(loaded).toEqual(stored());
    expect(seen).toEqual(['load a 16/80', 'load a 48/80', 'load a 80/80']);
  });

  it('lists everything that is wrong in one error, before reading anything', async () => {
    const tensors = stored();
    tensors.delete('a.blocks.1.weight');
    tensors.set('a.blocks.0.weight', tensor('f32', [4, 2]));
    tensors.set('a.norm.weight', tensor('i64', [4]));
    tensors.set('a.extra', tensor('f32', [1]));
    tensors.set('b.other', tensor('f32', [1]));
    const source = counting(tensors);
    const error = await failure(loadParams(tree, source, { prefix: 'a' }));
    expect(error.code).toBe('CHECKPOINT_MISMATCH');
    expect(error.missing).toEqual(['a.blocks.1.weight']);
    expect(error.unexpected).toEqual(['a.extra']);
    expect(error.misshapen.map(({ name }) => name)).toEqual(['a.norm.weight', 'a.blocks.0.weight']);
    expect(error.message).toContain('a.blocks.0.weight: wanted f32[2,4], got f32[4,2]');
    expect(error.message).toContain('a.norm.weight: wanted f32[4], got i64[4]');
    expect(source.reads).toEqual([]);
  });

  it('says when the names stand under another prefix', async () => {
    const error = await failure(loadParams(tree, tensorSource(stored())));
    expect(error.missing).toHaveLength(3);
    expect(error.unexpected).toHaveLength(3);
    expect(error.message).toContain('under another prefix (norm.weight)');
  });

  it('takes names that are allowed, other components, and weights that nothing uses', async () => {
    const whole = { a: tree };
    const tensors = new Map([
      ...stored(),
      ['a.stray', tensor('f32', [9])],
      ['b.other', tensor('f32', [1])],
    ] as const);
    await failure(loadParams(whole, tensorSource(tensors)));
    await failure(loadParams(whole, tensorSource(tensors), { allowUnused: [outside(whole)] }));
    tensors.delete('a.norm.weight');
    const source = counting(tensors);
    const loaded = await loadParams(whole, source, {
      allowUnused: [outside(whole), /^a\.stray$/],
      unused: [/^a\.norm\./],
    });
    expect([...loaded.keys()]).toEqual(['a.blocks.0.weight', 'a.blocks.1.weight']);
    expect(source.reads).toEqual([...loaded.keys()]);
    tensors.set('a.norm.weight', tensor('f32', [5]));
    const error = await failure(
      loadParams(whole, tensorSource(tensors), { allowUnused: [/./], unused: [/^a\.norm\./] }),
    );
    expect(error.misshapen).toHaveLength(1);
  });

  it('takes a map of names as well as a tree', async () => {
    const wanted = new Map([['a.norm.weight', param([4], zeros)]]);
    const loaded = await loadParams(wanted, tensorSource(stored()), { allowUnused: [/blocks/] });
    expect([...loaded.keys()]).toEqual(['a.norm.weight']);
  });

  it('converts to the format the tree declares, or the one asked for', async () => {
    const source = tensorSource(new Map([['w', tensor('bf16', [2], Uint16Array.of(0x3f80, 0xc000))]]));
    const one = { w: param([2], zeros) };
    const [wide, half, kept] = await Promise.all([
      loadParams(one, source),
      loadParams(withDtype(one, 'f16'), source),
      loadParams(one, source, { dtype: () => 'bf16' }),
    ]);
    expect([wide, half, kept].map((loaded) => loaded.get('w')!.dtype)).toEqual(['f32', 'f16', 'bf16']);
    for (const loaded of [wide, half, kept]) expect([...toF64(loaded.get('w')!)]).toEqual([1, -2]);
  });

  it('refuses to turn a number into an infinity, and keeps infinities', async () => {
    const one = { w: param([3], zeros, 'f16') };
    const source = (values: number[]) => tensorSource(new Map([['w', tensor('f32', [3], values)]]));
    await expect(loadParams(one, source([0, 70000, 0]))).rejects.toMatchObject({
      code: 'DTYPE_RANGE',
      message: expect.stringContaining('element 1 is 70000'),
    });
    const kept = await loadParams(one, source([65504, Number.NEGATIVE_INFINITY, Number.NaN]));
    expect([...toF64(kept.get('w')!)]).toEqual([65504, Number.NEGATIVE_INFINITY, Number.NaN]);
  });

  it('stops when aborted', async () => {
    const source = counting(stored());
    await expect(loadParams(tree, source, { prefix: 'a', signal: AbortSignal.abort() })).rejects.toThrow(
      'aborted',
    );
    expect(source.reads).toEqual([]);
    const controller = new AbortController();
    const { signal } = controller;
    const loading = loadParams(tree, source, { prefix: 'a', signal, onProgress: () => controller.abort() });
    await expect(loading).rejects.toThrow('aborted');
    expect(source.reads).toEqual(['a.norm.weight']);
  });

  it('refuses a source that does not keep its word', async () => {
    const source: TensorSource = { ...tensorSource(stored()), read: async () => tensor('f32', [1]) };
    await expect(loadParams(tree, source, { prefix: 'a' })).rejects.toMatchObject({ code: 'BAD_SOURCE' });
  });
});

describe('placeParams', () => {
  it('frees what it uploaded when a later weight fails', async () => {
    const executor = interpreter();
    const uploaded: DeviceTensor[] = [];
    const upload: typeof executor.upload = async (t, options) => {
      const placed = await executor.upload(t, options);
      uploaded.push(placed);
      return placed;
    };
    const source = tensorSource(stored());
    const failing: TensorSource = {
      ...source,
      read: (name) => (name.includes('1') ? Promise.reject(new Error('bad sector')) : source.read(name)),
    };
    await expect(placeParams({ ...executor, upload }, tree, failing, { prefix: 'a' })).rejects.toThrow(
      'bad sector',
    );
    expect(uploaded).toHaveLength(2);
    for (const t of uploaded) await expect(t.read()).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});
