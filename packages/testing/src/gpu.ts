import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { describe } from 'vitest';

/**
 * Gives tests a WebGPU adapter on any machine. Where there is a graphics card its own driver is used; on Linux without
 * one, SwiftShader, a Vulkan driver in software, is unpacked from @sparticuz/chromium, so that nothing but npm packages
 * is needed. EMU_GPU=swiftshader asks for it in any case. Must run before Dawn starts.
 */
export function prepareGpu(): void {
  if (process.platform !== 'linux' || process.env.VK_ICD_FILENAMES) return;
  if (hasGraphicsCard()) return;
  const folder = unpackSwiftShader();
  process.env.VK_ICD_FILENAMES = path.join(folder, 'vk_swiftshader_icd.json');
  preload(path.join(folder, 'libvulkan.so.1'));
}

/** Whether there is a graphics card to use: outside Linux one is taken for granted. */
export const hasGraphicsCard = (): boolean =>
  process.env.EMU_GPU !== 'swiftshader' &&
  (process.platform !== 'linux' ||
    ['/dev/nvidiactl', '/dev/dri/renderD128', '/dev/dxg'].some((device) => existsSync(device)));

/** `describe` for tests that need an adapter: they fail without one, unless EMU_SKIP_GPU=1 says to skip them. */
export const describeGpu = process.env.EMU_SKIP_GPU === '1' ? describe.skip : describe;

/** A headless Dawn that computes nothing but has every feature and validates every shader. One a process. */
export async function nullGpu(): Promise<GPU> {
  const { create } = await import('webgpu');
  keep = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  return keep;
}
let keep: GPU | undefined;

function unpackSwiftShader(): string {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const root = entry.slice(0, entry.lastIndexOf('chromium') + 'chromium'.length);
  const archive = path.join(
    root.slice(0, root.indexOf('@sparticuz')),
    '@sparticuz/chromium/bin/swiftshader.tar.br',
  );
  const { version } = JSON.parse(readFileSync(path.join(archive, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const folder = path.join(tmpdir(), `emu-swiftshader-${version}`);
  if (existsSync(folder)) return folder;
  const scratch = `${folder}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  for (const { name, data } of untar(brotliDecompressSync(readFileSync(archive))))
    writeFileSync(path.join(scratch, path.basename(name)), data);
  try {
    renameSync(scratch, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // another process was first
  }
  return folder;
}

/** The regular files of a tar archive: headers of 512 bytes, contents padded to as many. */
function* untar(archive: Buffer): Generator<{ name: string; data: Buffer }> {
  const block = 512;
  const field = (at: number, length: number) =>
    archive.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; at + block <= archive.length && archive[at]; ) {
    const size = Number.parseInt(field(at + 124, 12), 8);
    if (field(at + 156, 1) !== '5')
      yield { name: field(at, 100), data: archive.subarray(at + block, at + block + size) };
    at += block + Math.ceil(size / block) * block;
  }
}

/** Linux's flag that keeps a library where it is when it is closed; Node has no name for it. */
const RTLD_NODELETE = 0x1000;

/** Makes a shared library known by its name, for machines that have no Vulkan loader of their own. */
function preload(library: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch {
    // Node loads the library, complains that it is no addon of its own, and closes it.
  }
}
