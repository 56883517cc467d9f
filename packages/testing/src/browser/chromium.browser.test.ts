import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it.skipIf(process.env.EMU_CHROMIUM)('is unpacked once by processes that begin together', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'emu-unpack-'));
  const module = new URL('chromium.ts', import.meta.url).href;
  const code = `const { launchChromium } = await import(${JSON.stringify(module)});
    const browser = await launchChromium();
    console.log(browser.version());
    await browser.close();`;
  const launch = async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
    return Buffer.concat(output).toString().trim();
  };
  try {
    const [one, other] = await Promise.all([launch(), launch()]);
    expect(one).toMatch(/^\d+\./);
    expect(other).toBe(one);
    expect(await readdir(folder)).not.toContain('emu-chromium.lock');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
