import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '@emu-ts/checkpoint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpoint, emu, noDriver, picture } from '../../test/process.js';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'emu-cli-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('emu', () => {
  it('captions, and prints nothing but the caption in a pipe', async () => {
    const { code, stdout, stderr } = await emu([
      'caption',
      picture(0),
      '--max-new-tokens',
      '4',
      '--beams',
      '1',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.endsWith('\n')).toBe(true);
    expect(stdout).not.toContain('\r');
  });

  it('completes texts and files in order, and repeats itself as JSON', async () => {
    const words = ['complete', picture(0), 'There is', '--max-new-tokens', '5', '--json'];
    const [first, second] = [await emu(words), await emu(words)];
    expect(JSON.parse(first.stdout)).toMatchObject({ images: [], usage: { output: expect.any(Number) } });
    expect(second.stdout).toBe(first.stdout);
  });

  it('draws into a file that is a picture', async () => {
    const out = path.join(dir, 'drawn.png');
    const { code, stdout } = await emu([
      'draw',
      'a red circle',
      '--steps',
      '2',
      '--size',
      '32x32',
      '--no-safety',
      '-o',
      out,
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${out}\n` });
    expect([...(await readFile(out)).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  });

  it('holds a dialogue line by line', async () => {
    const input = `hello\n/add ${picture(1)}\nand this?\n/quit\nnever read\n`;
    const { code, stdout } = await emu(['chat', '--max-new-tokens', '3', '--beams', '1', '--json'], {
      input,
    });
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toHaveLength(2);
  });

  it('ranks answers', async () => {
    const { stdout } = await emu(['rank', picture(0), 'It is', '--answers', 'a dog', 'a cat', '--json']);
    const { answers } = JSON.parse(stdout);
    expect(answers.map(({ answer }: { answer: string }) => answer).sort()).toEqual(['a cat', 'a dog']);
    expect(answers[0].cost).toBeLessThanOrEqual(answers[1].cost);
  });

  it('scores a model, and keeps the pictures of wrong replies', async () => {
    const out = path.join(dir, 'failures');
    const { stdout, stderr } = await emu(
      [
        'eval',
        'shapes',
        checkpoint,
        '--n',
        '2',
        '--tasks',
        'caption',
        'text-to-image',
        '--seed',
        '9',
        '--json',
      ].concat(['--steps', '1', '--guidance', '1', '--max-new-tokens', '4', '--out', out]),
      { env: { EMU_CHECKPOINT: '' } },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      seed: 9,
      form: 'document',
      abilities: [
        { ability: 'caption', count: 2, correct: 0, failures: [{ prompt: '[image]' }, {}] },
        { ability: 'text-to-image', count: 2, goal: 0.9, met: false },
      ],
    });
    const saved = await readdir(out);
    expect(saved.filter((name) => /^caption-\d+-prompt-0.png$/.test(name))).toHaveLength(2);
    expect(saved.filter((name) => /^text-to-image-.*-reply-0.png$/.test(name))).toHaveLength(2);
  });

  it('inspects and converts without a model, tensor by tensor the same', async () => {
    const source = path.join(checkpoint, 'vae', 'diffusion_pytorch_model.bin');
    const target = path.join(dir, 'vae.safetensors');
    const inspected = JSON.parse((await emu(['inspect', source, '--json'])).stdout);
    expect((await emu(['convert', source, target])).code).toBe(0);
    await using a = await openCheckpoint(source);
    await using b = await openCheckpoint(target);
    expect(inspected.tensors).toBe(b.entries.size);
    for (const name of a.entries.keys()) expect(await b.read(name)).toEqual(await a.read(name));
  });

  it('says what this machine can run', async () => {
    const { code, stdout } = await emu(['doctor', '--json'], { env: { PATH: '' } });
    expect(code).toBe(0);
    const { findings, placement, devices } = JSON.parse(stdout);
    expect(findings.find(({ name }: { name: string }) => name === 'ffmpeg')).toMatchObject({ ok: false });
    expect(devices).toMatchObject([{ device: 'auto', runs: placement['language-model'] }]);
    expect(placement['language-model']).toMatch(/^(onnx|webgpu)$/);
  });

  it('says what would run where, and what would not', async () => {
    const { code, stdout } = await emu(['doctor', '--device', 'gpujs,language-model=webgpu'], {
      env: noDriver,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/✗ webgpu +NO_ADAPTER: /);
    expect(stdout).toMatch(/language-model +on nothing/);
    expect(stdout).toMatch(/image-decoder +on gpujs/);
    expect(stdout).toMatch(/not on webgpu: NO_ADAPTER: /);
  });

  it.runIf(process.platform === 'linux')('says so when there is no adapter', async () => {
    const words = ['caption', picture(0), '--device', 'onnx,language-model=webgpu', '--json'];
    const { code, stdout } = await emu(words, { env: noDriver });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'NO_ADAPTER', message: expect.stringContaining('offers no adapter') },
    });
  });

  it('stops cleanly on Ctrl-C and leaves no half-written file', async () => {
    const before = await readdir(dir);
    const { code, stderr } = await emu(
      ['complete', 'hi', '--sample', '--max-new-tokens', '400', '-o', path.join(dir, 'never.png')],
      { interruptAt: /./ },
    );
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'Interrupted.\n' });
    expect(await readdir(dir)).toEqual(before);
  });

  it.each([
    ['an unknown command', ['paint'], 2, /unknown command/],
    ['a missing argument', ['ask', 'x.png'], 2, /missing required argument/],
    ['a number that is none', ['draw', 'x', '--steps', 'many'], 2, /whole number/],
    ['a missing file', ['caption', 'nowhere.png'], 1, /FILE: There is no file 'nowhere.png'/],
    ['a missing folder', ['caption', picture(0), '--checkpoint', 'nowhere'], 1, /CHECKPOINT_LAYOUT/],
    ['an unknown ability', ['eval', 'shapes', '--tasks', 'painting'], 1, /ABILITY: Got the task painting/],
    [
      'an unknown device',
      ['caption', picture(0), '--device', 'abacus'],
      1,
      /OPTION: There is no device 'abacus'; there are auto, webgpu, onnx, gpujs, reference/,
    ],
    [
      'an unknown component',
      ['caption', picture(0), '--device', 'onnx,language=onnx'],
      1,
      /OPTION: There is no component 'language'; there are visual-encoder/,
    ],
    [
      'an unknown precision',
      ['caption', picture(0), '--precision', 'quick'],
      1,
      /OPTION: There is no precision 'quick'; there are exact, fast/,
    ],
    [
      'two devices',
      ['doctor', '--device', 'onnx,gpujs'],
      1,
      /OPTION: --device names two devices for everything/,
    ],
  ] as const)('says what is wrong: %s', async (_, words, wanted, message) => {
    const { code, stderr, stdout } = await emu(words);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('says what is wrong as JSON when asked', async () => {
    const file = path.join(dir, 'text.png');
    await writeFile(file, 'not a picture');
    const { code, stdout } = await emu(['caption', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'NOT_AN_IMAGE' } });
  });
});
