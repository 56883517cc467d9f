import { fileURLToPath } from 'node:url';
import { weightsFolder } from '@emu-ts/tiny';
import { expect, it } from 'vitest';
import { serveFiles } from '../../test/serve.js';
import { address, filesOf } from './files.js';

it('finds at an address what is there, and not the page that a server has for everything else', async () => {
  await using server = await serveFiles({
    '/': { text: '<!doctype html><title>an application</title>' },
    '/unet/': { folder: fileURLToPath(new URL('unet/', weightsFolder)) },
  });
  const files = address(new URL(server.url));
  expect(await files.find('unet/config.json')).toEqual(new URL('unet/config.json', server.url));
  expect(await files.find('vae/config.json')).toBeUndefined();
  expect(await files.find('unet/nothing.json')).toBeUndefined();
});

it('takes text for a path, an address or what a link says, by where it runs', () => {
  expect(filesOf('weights').name).toBe('weights');
  expect(filesOf('https://emu.test/weights/').name).toBe('https://emu.test/weights/');
  expect(filesOf(new URL('file:///a%20b/c/')).name).toBe('/a b/c/');
});
