import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The folder for a machine with a graphics card: it runs with nothing but what is in it. */
const script = fileURLToPath(new URL('./gpu-box.mjs', import.meta.url));
const minutes = 60_000;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'emu-box-'));
});
afterAll(() => rm(dir, { recursive: true }));

function run(program: string, words: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; output: string }>((resolve) =>
    execFile(program, words, { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    ),
  );
}

it.runIf(process.platform === 'linux')(
  'tests and measures in a folder of its own, and writes what it found',
  async () => {
    const box = path.join(dir, 'box');
    const packed = await run(process.execPath, [script, box], { PATH: process.env.PATH ?? '' });
    expect(packed).toMatchObject({ code: 0 });
    const driver = process.env.VK_ICD_FILENAMES;
    const env = driver ? { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: path.dirname(driver) } : {};
    const words = ['--skip-tests', '--group', 'webgpu B12'];
    const { code, output } = await run(path.join(box, 'run.sh'), words, { ...env, PATH: '/usr/bin:/bin' });
    expect(output).toContain('webgpu B12 encode, 700 dispatches');
    expect(code).toBe(0);
    const [report] = await readdir(path.join(box, 'docs', 'benchmarks'));
    const { adapter, results } = JSON.parse(
      await readFile(path.join(box, 'docs', 'benchmarks', report), 'utf8'),
    );
    expect(adapter).toMatch(/\w/);
    expect(results.length).toBeGreaterThanOrEqual(4);
    for (const { value } of results) expect(value).toBeGreaterThan(0);
  },
  10 * minutes,
);

it('refuses a folder that is not empty, and leaves it alone', async () => {
  const file = path.join(dir, 'mine.txt');
  await writeFile(file, 'mine');
  expect(await run(process.execPath, [script, dir])).toMatchObject({
    code: 2,
    output: expect.stringContaining('is not empty'),
  });
  expect(await readFile(file, 'utf8')).toBe('mine');
});
