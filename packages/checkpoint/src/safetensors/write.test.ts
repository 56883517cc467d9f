import { mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HostTensor, type Progress, tensor } from '@emu-ts/base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeSafetensors, openCheckpoint, type TensorSource, writeSafetensors } from '../index.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  path = join(folder, 'model.safetensors');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const row = (first: number, length = 4) =>
  tensor(
    'f32',
    [length],
    Array.from({ length }, (_, i) => first + i),
  );
const oldTensors = { old: row(100) };
const newTensors: Record<string, HostTensor> = {
  a: row(1),
  b: tensor('u8', [3], [1, 2, 3]),
  c: row(10, 2),
  d: tensor('i64', [1], [7]),
};

/** All tensors of what lies at a path, as plain numbers. */
async function contents(at: string): Promise<Record<string, number[]>> {
  await using checkpoint = await openCheckpoint(at);
  const out: Record<string, number[]> = {};
  for (const name of checkpoint.entries.keys())
    out[name] = Array.from((await checkpoint.read(name)).data, Number);
  return out;
}
const plain = (tensors: Record<string, HostTensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data, Number)]));

/** Fails every write of the process's files from the `nth` on, as a full disk does. */
async function fillDisk(nth: number): Promise<void> {
  const handle = await open('/dev/null', 'r');
  const prototype = Object.getPrototypeOf(handle) as { write: (...args: unknown[]) => Promise<unknown> };
  await handle.close();
  const write = prototype.write;
  let calls = 0;
  vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, ...args) {
    if (++calls < nth) return write.apply(this, args);
    return Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  });
}

describe('writeSafetensors', () => {
  it('writes a file that holds the tensors, and the same bytes as encodeSafetensors', async () => {
    const metadata = { format: 'pt', step: '7' };
    const result = await writeSafetensors(path, newTensors, { metadata });
    expect(result).toEqual({ files: [path], tensors: 4, bytes: 16 + 3 + 8 + 8 });
    expect(await contents(path)).toEqual(plain(newTensors));
    expect(Uint8Array.from(await readFile(path))).toEqual(encodeSafetensors(newTensors, metadata));
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('has one tensor in memory at a time, and reports bytes', async () => {
    let inMemory = 0;
    const order: string[] = [];
    const source: TensorSource = {
      entries: new Map(
        Object.entries(newTensors).map(([name, { dtype, shape, data }]) => [
          name,
          { dtype, shape, byteLength: data.byteLength },
        ]),
      ),
      async read(name) {
        expect(inMemory++, 'tensors read ahead').toBe(0);
        order.push(name);
        return newTensors[name];
      },
    };
    const steps: Progress[] = [];
    const onProgress = (step: Progress) => {
      inMemory--;
      steps.push(step);
    };
    await writeSafetensors(path, source, { onProgress });
    expect(order).toEqual(['d', 'a', 'c', 'b']);
    expect(steps.map(({ component, loaded, total }) => [component, loaded, total])).toEqual([
      ['d', 8, 35],
      ['a', 24, 35],
      ['c', 32, 35],
      ['b', 35, 35],
    ]);
  });

  it('leaves the old file as it was when the disk is full, at any write', async () => {
    await writeSafetensors(path, oldTensors);
    for (let nth = 1; nth <= 5; nth++) {
      await fillDisk(nth);
      await expect(writeSafetensors(path, newTensors), `write ${nth}`).rejects.toMatchObject({
        code: 'FILE',
        message: expect.stringContaining('ENOSPC'),
      });
      vi.restoreAllMocks();
      expect(await contents(path)).toEqual(plain(oldTensors));
      expect(await readdir(folder)).toEqual(['model.safetensors']);
    }
  });

  it('leaves the old file as it was when aborted, at any tensor', async () => {
    await writeSafetensors(path, oldTensors);
    const reason = new Error('enough');
    for (let stop = 0; stop <= 4; stop++) {
      const controller = new AbortController();
      if (stop === 0) controller.abort(reason);
      let steps = 0;
      const options = {
        signal: controller.signal,
        onProgress: () => ++steps === stop && controller.abort(reason),
      };
      await expect(
        writeSafetensors(path, newTensors, { ...options, onProgress: () => void options.onProgress() }),
      ).rejects.toBe(reason);
      expect(await contents(path)).toEqual(plain(oldTensors));
      expect(await readdir(folder)).toEqual(['model.safetensors']);
    }
  });

  it('leaves the old file as it was when a tensor cannot be read, or is another than announced', async () => {
    await writeSafetensors(path, oldTensors);
    const entries = new Map([['a', { dtype: 'f32' as const, shape: [2], byteLength: 8 }]]);
    const failing = { entries, read: async () => Promise.reject(new Error('device lost')) };
    await expect(writeSafetensors(path, failing)).rejects.toThrow('device lost');
    for (const other of [row(0, 3), tensor('i32', [2]), tensor('f32', [1, 2])]) {
      await expect(writeSafetensors(path, { entries, read: async () => other })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        message: expect.stringMatching(/"a" was announced as f32 \[2\]/),
      });
    }
    expect(await contents(path)).toEqual(plain(oldTensors));
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('says where it could not write', async () => {
    const nowhere = join(folder, 'no', 'model.safetensors');
    await expect(writeSafetensors(nowhere, newTensors)).rejects.toMatchObject({
      code: 'FILE',
      message: /ENOENT/,
    });
  });

  it('removes what a writer that died long ago left, and only that', async () => {
    const stale = `${path}.0b1c.partial`;
    const fresh = `${path}.9f3e.partial`;
    const others = join(folder, 'other.safetensors.0b1c.partial');
    for (const file of [stale, fresh, others]) await writeFile(file, 'x');
    const yesterday = Date.now() / 1000 - 86_400;
    for (const file of [stale, others]) await utimes(file, yesterday, yesterday);
    await writeSafetensors(path, newTensors);
    expect((await readdir(folder)).sort()).toEqual(
      ['model.safetensors', 'model.safetensors.9f3e.partial', 'other.safetensors.0b1c.partial'].sort(),
    );
  });

  it('writes to streams and sinks, and aborts them when it fails', async () => {
    const parts: Uint8Array[] = [];
    const events: string[] = [];
    const stream = () =>
      new WritableStream<Uint8Array>({
        write: (part) => void parts.push(part.slice()),
        close: () => void events.push('close'),
        abort: (reason) => void events.push(`abort: ${reason.message}`),
      });
    await writeSafetensors(stream(), newTensors);
    expect(new Uint8Array(Buffer.concat(parts))).toEqual(encodeSafetensors(newTensors));
    const entries = new Map([['a', { dtype: 'f32' as const, shape: [2], byteLength: 8 }]]);
    const failing = { entries, read: async () => Promise.reject(new Error('device lost')) };
    await expect(writeSafetensors(stream(), failing)).rejects.toThrow('device lost');
    await expect(writeSafetensors(stream(), newTensors, { maxShardBytes: 9 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    expect(events).toEqual(['close', 'abort: device lost']);
    let written = 0;
    const count = (part: Uint8Array) => {
      written += part.length;
    };
    await writeSafetensors({ write: count }, newTensors);
    expect(written).toBe(encodeSafetensors(newTensors).length);
  });
});

describe('sharded writing', () => {
  const options = { maxShardBytes: 20, metadata: { format: 'pt' } };
  const index = () => `${path}.index.json`;

  it('splits into files under the usual names, with an index that other tools read', async () => {
    const { files } = await writeSafetensors(path, newTensors, options);
    const names = [1, 2].map((n) => `model-0000${n}-of-00002.safetensors`);
    expect(files).toEqual([index(), ...names.map((name) => join(folder, name))]);
    expect((await readdir(folder)).sort()).toEqual([...names, 'model.safetensors.index.json']);
    expect(JSON.parse(await readFile(index(), 'utf8'))).toEqual({
      metadata: { format: 'pt', total_size: 35 },
      weight_map: { a: names[0], b: names[0], c: names[1], d: names[1] },
    });
    expect(await contents(index())).toEqual(plain(newTensors));
    expect(await contents(folder)).toEqual(plain(newTensors));
  });

  it('gives a tensor larger than the limit a file of its own', async () => {
    const { files } = await writeSafetensors(path, { a: row(0, 1), big: row(0, 100), z: row(1, 1) }, options);
    expect(files.length).toBe(4);
    expect(Object.keys(await contents(index()))).toEqual(['a', 'big', 'z']);
  });

  it('replaces an older checkpoint whole, and removes its files', async () => {
    await writeSafetensors(path, { ...oldTensors, more: row(5) }, options);
    await writeSafetensors(path, newTensors, options);
    expect(await contents(index())).toEqual(plain(newTensors));
    expect((await readdir(folder)).length).toBe(3);
    await writeSafetensors(path, oldTensors, options);
    expect(await contents(index())).toEqual(plain(oldTensors));
    expect((await readdir(folder)).length).toBe(2);
  });

  it('leaves the older checkpoint as it was when the disk fills up or the call is aborted', async () => {
    await writeSafetensors(path, { ...oldTensors, more: row(5) }, options);
    const before = (await readdir(folder)).sort();
    for (let nth = 1; nth <= 7; nth++) {
      await fillDisk(nth);
      await expect(writeSafetensors(path, newTensors, options)).rejects.toMatchObject({ code: 'FILE' });
      vi.restoreAllMocks();
    }
    for (let stop = 1; stop <= 4; stop++) {
      const controller = new AbortController();
      let steps = 0;
      const onProgress = () => {
        if (++steps === stop) controller.abort();
      };
      const writing = writeSafetensors(path, newTensors, {
        ...options,
        signal: controller.signal,
        onProgress,
      });
      await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect((await readdir(folder)).sort()).toEqual(before);
    expect(await contents(index())).toEqual(plain({ ...oldTensors, more: row(5) }));
  });

  it('refuses a limit that is none', async () => {
    for (const maxShardBytes of [0, -1, Number.NaN]) {
      await expect(writeSafetensors(path, newTensors, { maxShardBytes })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
      });
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
