import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

let root: string;
let tools: string;

/** A folder to set up, with an npm that takes its time and says when it works. */
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'emu-setup-'));
  tools = path.join(root, 'tools');
  await mkdir(path.join(root, 'scripts', 'lib'), { recursive: true });
  await mkdir(tools);
  const setup = fileURLToPath(new URL('lib/setup.mjs', import.meta.url));
  await copyFile(setup, path.join(root, 'scripts', 'lib', 'setup.mjs'));
  await writeFile(path.join(root, 'package-lock.json'), '{}');
  await writeFile(
    path.join(root, 'go.mjs'),
    "import { install } from './scripts/lib/setup.mjs';\ninstall();\n",
  );
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  await rm(path.join(root, 'node_modules'), { recursive: true, force: true });
  await rm(path.join(root, 'log'), { force: true });
  await npmThatEnds(0);
});

async function npmThatEnds(code: number): Promise<void> {
  const lines = [
    '#!/bin/sh',
    'echo begins >> log',
    'sleep 0.5',
    'mkdir -p node_modules',
    'echo ends >> log',
    `exit ${code}`,
  ];
  await writeFile(path.join(tools, 'npm'), `${lines.join('\n')}\n`);
  await chmod(path.join(tools, 'npm'), 0o755);
}

async function setUp(): Promise<number> {
  const PATH = `${tools}${path.delimiter}${process.env.PATH}`;
  const child = spawn(process.execPath, ['go.mjs'], {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: 'ignore',
  });
  return (await once(child, 'exit'))[0];
}

const log = async () => (await readFile(path.join(root, 'log'), 'utf8')).trim().split('\n');

it.skipIf(process.platform === 'win32')('installs once for two that begin together', async () => {
  expect(await Promise.all([setUp(), setUp()])).toEqual([0, 0]);
  expect(await log()).toEqual(['begins', 'ends']);
  expect(await readdir(root)).not.toContain('.setting-up');
});

it.skipIf(process.platform === 'win32')('lets the next one try where one failed', async () => {
  await npmThatEnds(3);
  expect(await Promise.all([setUp(), setUp()])).toEqual([3, 3]);
  expect(await log()).toEqual(['begins', 'ends', 'begins', 'ends']);
  expect(await readdir(root)).not.toContain('.setting-up');
});

it.skipIf(process.platform === 'win32')('does not wait for a process that is no more', async () => {
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await writeFile(path.join(root, '.setting-up'), String(gone.pid));
  expect(await setUp()).toBe(0);
  expect(await log()).toEqual(['begins', 'ends']);
});

it.skipIf(process.platform === 'win32')(
  'does not wait for an earlier process of the same number',
  async () => {
    const mark = "await (await import('node:fs/promises')).writeFile('.setting-up', String(process.pid));";
    const go = path.join(root, 'go.mjs');
    const plain = await readFile(go, 'utf8');
    await writeFile(go, `${mark}\n${plain}`);
    expect(await setUp()).toBe(0);
    expect(await log()).toEqual(['begins', 'ends']);
    await writeFile(go, plain);
  },
);
