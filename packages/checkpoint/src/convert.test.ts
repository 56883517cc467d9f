import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32ToBf16 } from '@emu-ts/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reduce, Value } from '../test/pickle-writer.js';
import { watched } from '../test/sources.js';
import { stored, tensor, torchLegacy, torchZip } from '../test/torch-files.js';
import { convertCheckpoint, openCheckpoint } from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const weights = stored(
  '0',
  'FloatStorage',
  Float32Array.from({ length: 12 }, (_, i) => i / 8),
);
const ids = stored('1', 'LongStorage', BigInt64Array.of(1n, 2n));
const root = new Map<Value, Value>([
  [
    'module',
    new Map<Value, Reduce>([
      ['w', tensor(weights, [3, 4])],
      ['w.t', tensor(weights, [4, 3], { strides: [1, 4] })],
      ['tied', tensor(weights, [3, 4])],
      ['ids', tensor(ids, [2])],
    ]),
  ],
  ['epoch', 3],
]);

describe('convertCheckpoint', () => {
  it.each([
    ['zip', torchZip],
    ['legacy', torchLegacy],
  ])('makes safetensors of a PyTorch %s file, strides and shared storages resolved', async (_, write) => {
    const source = join(folder, 'model.bin');
    const target = join(folder, 'model.safetensors');
    await writeFile(source, write(root, [weights, ids]));
    const result = await convertCheckpoint(source, target, { metadata: { by: 'test' } });
    expect(result).toMatchObject({
      files: [target],
      tensors: 4,
      bytes: 3 * 48 + 16,
      notes: [{ kind: 'unwrapped' }],
    });
    await using before = await openCheckpoint(source);
    await using after = await openCheckpoint(target);
    expect(Object.fromEntries(after.metadata)).toEqual({ format: 'pt', epoch: '3', by: 'test' });
    expect([...after.entries.keys()].sort()).toEqual([...before.entries.keys()].sort());
    for (const name of before.entries.keys()) expect(await after.read(name)).toEqual(await before.read(name));
    // The first eight bytes and the JSON are what any other reader starts with.
    const bytes = await readFile(target);
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
    expect(header['w.t']).toMatchObject({ dtype: 'F32', shape: [4, 3] });
  });

  it('changes the float dtype, and keeps integers', async () => {
    const target = join(folder, 'model.safetensors');
    await convertCheckpoint(torchZip(root, [weights, ids]), target, { dtype: 'bf16' });
    await using checkpoint = await openCheckpoint(target);
    expect(checkpoint.entries.get('w')!.dtype).toBe('bf16');
    expect(checkpoint.entries.get('ids')!.dtype).toBe('i64');
    expect([...(await checkpoint.read('w')).data]).toEqual(
      Array.from({ length: 12 }, (_, i) => f32ToBf16(i / 8)),
    );
  });

  it('writes shards, and reads them again', async () => {
    const { files } = await convertCheckpoint(torchZip(root, [weights, ids]), join(folder, 'm.safetensors'), {
      maxShardBytes: 60,
    });
    expect(files.length).toBe(5); // 48 bytes each: four shards and the index
    await using checkpoint = await openCheckpoint(folder);
    expect(checkpoint.metadata.get('epoch')).toBe('3');
    expect((await checkpoint.read('w.t')).shape).toEqual([4, 3]);
  });

  it('leaves an open checkpoint open, and nothing behind when aborted', async () => {
    await using checkpoint = await openCheckpoint(watched(torchZip(root, [weights, ids])));
    const target = join(folder, 'model.safetensors');
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    await expect(convertCheckpoint(checkpoint, target, options)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await readdir(folder)).toEqual([]);
    await convertCheckpoint(checkpoint, target);
    expect((await checkpoint.read('ids')).dtype).toBe('i64');
  });
});
