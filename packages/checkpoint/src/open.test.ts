import { openAsBlob } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tensor } from '@emu-ts/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watched } from '../test/sources.js';
import { stored, torchLegacy, tensor as torchTensor, torchZip } from '../test/torch-files.js';
import { type CheckpointSource, encodeSafetensors, openCheckpoint, writeSafetensors } from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const storage = stored('0', 'FloatStorage', Float32Array.of(1, 2, 3));
const root = new Map([['a', torchTensor(storage, [3])]]);
const files = {
  safetensors: encodeSafetensors({ a: tensor('f32', [3], [1, 2, 3]) }),
  'torch-zip': torchZip(root, [storage]),
  'torch-legacy': torchLegacy(root, [storage]),
};

/** Descriptors this process holds open. */
const descriptors = async () =>
  (await import('node:fs/promises')).readdir('/proc/self/fd').then((all) => all.length);

describe('openCheckpoint', () => {
  it.each(Object.entries(files))('finds %s from the bytes, wherever they lie', async (format, bytes) => {
    const path = join(folder, 'weights');
    await writeFile(path, bytes);
    const sources: CheckpointSource[] = [
      path,
      pathToFileURL(path),
      String(pathToFileURL(path)),
      bytes,
      Buffer.from(bytes),
      new Blob([bytes as Uint8Array<ArrayBuffer>]),
      await openAsBlob(path),
      watched(bytes),
    ];
    for (const source of sources) {
      await using checkpoint = await openCheckpoint(source);
      expect(checkpoint.format).toBe(format);
      expect(checkpoint.entries.get('a')).toEqual({ dtype: 'f32', shape: [3], byteLength: 12 });
      expect(await checkpoint.read('a')).toEqual(tensor('f32', [3], [1, 2, 3]));
    }
  });

  it('takes no header length for a pickle: 128 bytes are 80 00, 640 are 80 02', async () => {
    for (let letters = 0; letters < 700; letters += 4) {
      const bytes = encodeSafetensors({ ['x'.repeat(letters + 1)]: tensor('u8', [1]) });
      expect((await openCheckpoint(bytes)).format, `header of ${bytes[0] + 256 * bytes[1]}`).toBe(
        'safetensors',
      );
    }
  });

  it('opens the checkpoint of a folder: index first, then safetensors, then pickles', async () => {
    await mkdir(join(folder, 'unet'));
    const at = (name: string) => join(folder, 'unet', name);
    const open = async () => {
      await using checkpoint = await openCheckpoint(join(folder, 'unet'));
      return checkpoint.format;
    };
    await writeFile(at('config.json'), '{}');
    await expect(open()).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
    await writeFile(at('diffusion_pytorch_model.bin'), files['torch-legacy']);
    expect(await open()).toBe('torch-legacy');
    await writeFile(at('diffusion_pytorch_model.safetensors'), files.safetensors);
    expect(await open()).toBe('safetensors');
    await writeSafetensors(at('model.safetensors'), { x: tensor('f32', [4]) }, { maxShardBytes: 8 });
    expect(await open()).toBe('sharded');
    await rm(at('model.safetensors.index.json'));
    await expect(open()).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringMatching(
        /"diffusion_pytorch_model.safetensors" and "model-00001-of-00001.safetensors"/,
      ),
    });
  });

  const foreign: Record<string, [string, RegExp]> = {
    'an empty file': ['', /It is empty/],
    'a web page': ['<!DOCTYPE html><html>', /looks like a web page/],
    'a Git LFS pointer': ['version https://git-lfs.github.com/spec/v1\n', /git lfs pull/],
    JSON: ['{"weight_map": {}}', /path or URL of its .index.json/],
    text: ['hello, this is no checkpoint', /starts with "hello, this is no checkpo"/],
    'the start of a file': ['\x10\0\0', /Readable are/],
  };
  it.each(Object.entries(foreign))('says what %s is', async (_, [text, message]) => {
    const bytes = new TextEncoder().encode(text);
    await expect(openCheckpoint(bytes)).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT', message });
  });

  it('says that a path does not exist, or is none of its business', async () => {
    await expect(openCheckpoint(join(folder, 'nowhere'))).rejects.toMatchObject({
      name: 'CheckpointError',
      code: 'FILE',
      message: expect.stringMatching(/nowhere" \(ENOENT\)\. There is no such file/),
    });
    await expect(openCheckpoint('/dev/null')).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
  });

  it('notices a file that shrinks while it is open', async () => {
    const path = join(folder, 'shrinking.safetensors');
    await writeFile(path, files.safetensors);
    await using checkpoint = await openCheckpoint(path);
    const handle = await open(path, 'r+');
    await handle.truncate(files.safetensors.length - 4);
    await handle.close();
    await expect(checkpoint.read('a')).rejects.toMatchObject({ code: 'FILE', message: /ended at byte/ });
  });

  it.runIf(process.platform === 'linux')(
    'leaves no file open, whether it succeeds and is closed, or fails',
    async () => {
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      await writeFile(join(folder, 'bad.safetensors'), files.safetensors.slice(0, -1));
      await writeSafetensors(
        join(folder, 's.safetensors'),
        { x: tensor('f32', [4]), y: tensor('f32', [4]) },
        { maxShardBytes: 8 },
      );
      const before = await descriptors();
      for (const name of [...Object.keys(files), 's.safetensors.index.json']) {
        await (await openCheckpoint(join(folder, name))).close();
      }
      await expect(openCheckpoint(join(folder, 'bad.safetensors'))).rejects.toThrow();
      await rm(join(folder, 's-00002-of-00002.safetensors'));
      await expect(openCheckpoint(join(folder, 's.safetensors.index.json'))).rejects.toMatchObject({
        code: 'FILE',
      });
      expect(await descriptors()).toBe(before);
    },
  );

  it.each(Object.entries(files))('stops at every await when aborted: %s', async (_, bytes) => {
    const reason = new Error('enough');
    let steps = 0;
    await (await openCheckpoint(watched(bytes, (n) => (steps = n)))).read('a');
    expect(steps).toBeGreaterThan(2);
    for (let stop = 0; stop <= steps; stop++) {
      const controller = new AbortController();
      const { signal } = controller;
      if (stop === 0) controller.abort(reason);
      const source = watched(bytes, (n) => n === stop && controller.abort(reason));
      const reading = openCheckpoint(source, { signal }).then((checkpoint) =>
        checkpoint.read('a', { signal }),
      );
      await expect(reading, `aborted at read ${stop} of ${steps}`).rejects.toBe(reason);
      expect(source.reads.length).toBe(stop);
    }
  });

  it.runIf(process.platform === 'linux')('leaves no file open when aborted while it opens one', async () => {
    const path = join(folder, 'weights');
    await writeFile(path, files['torch-zip']);
    const before = await descriptors();
    for (let delay = 0; delay < 20; delay++) {
      const controller = new AbortController();
      const opening = openCheckpoint(path, { signal: controller.signal });
      for (let tick = 0; tick < delay; tick++) await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      await opening.then(
        (checkpoint) => checkpoint.close(),
        (error) => expect(error.name).toBe('AbortError'),
      );
    }
    expect(await descriptors()).toBe(before);
  });
});

describe('a sharded checkpoint', () => {
  const index = (content: unknown) =>
    writeFile(join(folder, 'm.safetensors.index.json'), JSON.stringify(content));
  const openIndex = () => openCheckpoint(join(folder, 'm.safetensors.index.json'));

  it('joins its files, of any format, in the order of the index', async () => {
    await writeFile(join(folder, 'one.safetensors'), files.safetensors);
    await writeFile(
      join(folder, 'two.bin'),
      torchZip(new Map([['b', torchTensor(storage, [1])]]), [storage]),
    );
    await index({
      metadata: { total_size: 16, note: 'x' },
      weight_map: { b: 'two.bin', a: 'one.safetensors' },
    });
    const steps: unknown[] = [];
    await using checkpoint = await openCheckpoint(folder, { onProgress: (step) => steps.push(step) });
    expect([...checkpoint.entries.keys()]).toEqual(['b', 'a']);
    expect([...(await checkpoint.read('b')).data]).toEqual([1]);
    expect(Object.fromEntries(checkpoint.metadata)).toEqual({ total_size: '16', note: 'x' });
    expect(steps).toEqual([
      { phase: 'open', component: 'two.bin', loaded: 0, total: 2 },
      { phase: 'open', component: 'one.safetensors', loaded: 1, total: 2 },
      { phase: 'open', loaded: 2, total: 2 },
    ]);
  });

  it('says which tensors its files lack, and notes those the index lacks', async () => {
    await writeFile(join(folder, 'one.safetensors'), files.safetensors);
    await index({ weight_map: { a: 'one.safetensors', b: 'one.safetensors' } });
    await expect(openIndex()).rejects.toThrow(/lists 1 tensors .* such as "b" in "one.safetensors"/);
    await writeFile(
      join(folder, 'one.safetensors'),
      encodeSafetensors({ a: tensor('u8', [1]), b: tensor('u8', [1]) }),
    );
    await index({ weight_map: { b: 'one.safetensors' } });
    await using checkpoint = await openIndex();
    expect([...checkpoint.entries.keys()]).toEqual(['b']);
    expect(checkpoint.notes).toMatchObject([{ kind: 'ignored', name: 'a' }]);
  });

  it('reaches no file outside its folder', async () => {
    for (const file of [
      '../one.safetensors',
      '/etc/passwd',
      'a/b.safetensors',
      'a\\b',
      '..',
      'http://x/y',
      'x?y',
      '%2e%2e',
      7,
      null,
    ]) {
      await index({ weight_map: { a: file } });
      await expect(openIndex(), String(file)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
    }
  });

  it('refuses an index that is none', async () => {
    for (const content of [[], {}, { weight_map: [] }, 7]) {
      await index(content);
      await expect(openIndex()).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
    }
    await index({ weight_map: { a: 'm.safetensors.index.json' } });
    await expect(openIndex()).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
  });
});
