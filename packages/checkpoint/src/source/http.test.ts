import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HostTensor, tensor } from '@emu-ts/base';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeSafetensors, openCheckpoint } from '../index.js';
import { httpSource } from './http.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  from: number,
  to: number,
) => void;

/** A range, as a server should answer it. */
const partial: Handler = (_, response, bytes, from, to) => {
  response.writeHead(206, {
    'content-range': `bytes ${from}-${to}/${bytes.length}`,
    'content-length': to + 1 - from,
    etag: '"v1"',
  });
  response.end(bytes.subarray(from, to + 1));
};

interface Served {
  readonly url: string;
  /** `METHOD path range` of every request. */
  readonly log: string[];
  /** Bytes of bodies asked for. */
  asked: number;
}

async function serve(files: Record<string, Uint8Array>, handler: Handler = partial): Promise<Served> {
  const served = { url: '', log: [] as string[], asked: 0 };
  const server = createServer((request, response) => {
    const { range = '' } = request.headers;
    served.log.push(`${request.method} ${request.url} ${range}`);
    const bytes = files[(request.url ?? '').slice(1)];
    const match = /^bytes=(\d+)-(\d+)$/.exec(range);
    if (!bytes || !match) {
      response.writeHead(bytes ? 400 : 404).end();
      return;
    }
    const to = Math.min(Number(match[2]), bytes.length - 1);
    served.asked += to + 1 - Number(match[1]);
    handler(request, response, bytes, Number(match[1]), to);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return served;
}

const tensors: Record<string, HostTensor> = {
  a: tensor(
    'f32',
    [50_000],
    Float32Array.from({ length: 50_000 }, (_, i) => i),
  ),
  b: tensor('f32', [3], [1, 2, 3]),
};
const file = encodeSafetensors(tensors);

describe('over HTTP', () => {
  it('reads the header and single tensors by ranges', async () => {
    const served = await serve({ 'm.safetensors': file });
    for (const source of [`${served.url}/m.safetensors`, new URL(`${served.url}/m.safetensors`)]) {
      served.asked = 0;
      const checkpoint = await openCheckpoint(source);
      expect([...(await checkpoint.read('b')).data]).toEqual([1, 2, 3]);
      expect(served.asked).toBeLessThan(1000);
      expect(await checkpoint.read('a')).toEqual(tensors.a);
      await checkpoint.close();
    }
    expect(served.log.every((line) => line.startsWith('GET'))).toBe(true);
  });

  it('opens a sharded checkpoint from the URL of its index', async () => {
    const index = { weight_map: { a: 'part 1.safetensors', b: 'part 1.safetensors' } };
    const served = await serve({
      'dir/m.safetensors.index.json': new TextEncoder().encode(JSON.stringify(index)),
      'dir/part%201.safetensors': file,
    });
    const checkpoint = await openCheckpoint(new URL(`${served.url}/dir/m.safetensors.index.json`));
    expect(checkpoint.format).toBe('sharded');
    expect([...(await checkpoint.read('b')).data]).toEqual([1, 2, 3]);
  });

  it('sends the headers it is given through the fetch it is given', async () => {
    const served = await serve({ m: file }, (request, response, ...rest) =>
      request.headers.authorization === 'Bearer x'
        ? partial(request, response, ...rest)
        : response.writeHead(401).end(),
    );
    let calls = 0;
    const counting: typeof fetch = (...args) => {
      calls++;
      return fetch(...args);
    };
    const options = { fetch: counting, headers: { authorization: 'Bearer x' } };
    const checkpoint = await openCheckpoint(`${served.url}/m`, options);
    expect(checkpoint.entries.size).toBe(2);
    expect(calls).toBe(served.log.length);
    await expect(openCheckpoint(`${served.url}/m`)).rejects.toMatchObject({
      code: 'HTTP',
      message: /answered 401/,
    });
  });

  it('refuses a server that ignores ranges, before it downloads the file', async () => {
    let sent = 0;
    const served = await serve({ m: file }, (_, response, bytes) => {
      response.writeHead(200, { 'content-length': 2 ** 40 });
      response.on('drain', () => response.write(bytes));
      const pump = setInterval(() => {
        sent += bytes.length;
        response.write(bytes);
      }, 1);
      response.on('close', () => clearInterval(pump));
    });
    await expect(openCheckpoint(`${served.url}/m`)).rejects.toMatchObject({
      code: 'HTTP',
      message: expect.stringMatching(/ignores range requests: it answered 200 .* wanted 206\. Download/),
    });
    expect(sent).toBeLessThan(100 * file.length);
  });

  it('resumes a body that is cut, from where it was cut', async () => {
    let cut = true;
    const served = await serve({ m: file }, (request, response, bytes, from, to) => {
      if (to - from < 100_000 || !cut) return partial(request, response, bytes, from, to);
      cut = false;
      response.writeHead(206, {
        'content-range': `bytes ${from}-${to}/${bytes.length}`,
        'content-length': to + 1 - from,
      });
      response.write(bytes.subarray(from, from + 60_000), () => response.destroy());
    });
    const checkpoint = await openCheckpoint(`${served.url}/m`);
    expect(await checkpoint.read('a')).toEqual(tensors.a);
    const ranges = served.log.slice(-2).map((line) => line.split('=')[1].split('-').map(Number));
    expect(ranges[1][0]).toBeGreaterThan(ranges[0][0]);
    expect(ranges[1][1]).toBe(ranges[0][1]);
  });

  it('gives up on a server that always cuts, or ends its bodies early', async () => {
    const early: Handler = (_, response, bytes, from, to) => {
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}` });
      response.end();
    };
    const cut: Handler = (_, response, bytes, from, to) => {
      response.writeHead(206, {
        'content-range': `bytes ${from}-${to}/${bytes.length}`,
        'content-length': to + 1 - from,
      });
      response.flushHeaders();
      setTimeout(() => response.destroy(), 5);
    };
    for (const bad of [early, cut]) {
      const served = await serve({ m: file }, (request, response, bytes, from, to) =>
        (to === from ? partial : bad)(request, response, bytes, from, to),
      );
      await expect(openCheckpoint(`${served.url}/m`, { retries: 1 })).rejects.toMatchObject({
        code: 'HTTP',
        message: expect.stringMatching(/failed 2 times in a row \(the body .*\) after 0 of 64 bytes/),
      });
    }
  });

  it('takes a server that sends the whole file for its first byte, as sirv does', async () => {
    const served = await serve({ m: file }, (request, response, bytes, from, to) =>
      partial(request, response, bytes, from, to || bytes.length - 1),
    );
    await using checkpoint = await openCheckpoint(`${served.url}/m`);
    expect(await checkpoint.read('a')).toEqual(tensors.a);
  });

  it('asks again when the server is busy', async () => {
    let busy = 2;
    const served = await serve({ m: file }, (...args) => {
      if (busy-- > 0) args[1].writeHead(503).end();
      else partial(...args);
    });
    expect((await openCheckpoint(`${served.url}/m`)).entries.size).toBe(2);
  });

  const wrong: Record<string, [Handler, RegExp]> = {
    'a range without its position': [
      (_, response) => response.writeHead(206).end('x'),
      /without saying which range/,
    ],
    'a range of unknown size': [
      (_, response) => response.writeHead(206, { 'content-range': 'bytes 0-0/*' }).end('x'),
      /without saying which range/,
    ],
    'another range': [
      (_, response, bytes) =>
        response.writeHead(206, { 'content-range': `bytes 7-7/${bytes.length}` }).end('x'),
      /sent bytes from 7, wanted 0/,
    ],
    'too many bytes': [
      (_, response, bytes, from, to) =>
        response
          .writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}` })
          .end(bytes.subarray(from, to + 3)),
      /more bytes than were asked for/,
    ],
    'an empty file': [
      (_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end(),
      /is an empty file/,
    ],
  };
  it.each(Object.entries(wrong))('refuses %s', async (_, [handler, message]) => {
    const served = await serve({ m: file }, handler);
    await expect(openCheckpoint(`${served.url}/m`)).rejects.toMatchObject({ code: 'HTTP', message });
  });

  it('says that a file is not there, or a server', async () => {
    const served = await serve({});
    await expect(openCheckpoint(`${served.url}/m`)).rejects.toMatchObject({
      code: 'HTTP',
      message: /answered 404/,
    });
    await expect(openCheckpoint('http://127.0.0.1:9/m', { retries: 0 })).rejects.toMatchObject({
      code: 'HTTP',
      message: /failed 1 times in a row \(no answer\)/,
    });
  });

  it('notices that the file changed between two reads', async () => {
    const files = { m: file };
    const served = await serve(files);
    const checkpoint = await openCheckpoint(`${served.url}/m`);
    files.m = encodeSafetensors({ a: tensors.b });
    await expect(checkpoint.read('b')).rejects.toMatchObject({ code: 'HTTP' });
    files.m = file.slice();
    let version = 0;
    const changing = await serve({ m: file }, (_, response, bytes, from, to) => {
      response.writeHead(206, {
        'content-range': `bytes ${from}-${to}/${bytes.length}`,
        etag: `"v${version++}"`,
      });
      response.end(bytes.subarray(from, to + 1));
    });
    const source = await httpSource(`${changing.url}/m`);
    await expect(source.read(0, 8)).rejects.toThrow(/changed while it was being read/);
  });

  it('stops when aborted: before, while waiting, inside a body, between retries', async () => {
    const reason = new Error('enough');
    const served = await serve({ m: file }, (request, response, bytes, from, to) => {
      if (to - from < 100_000) return partial(request, response, bytes, from, to);
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}` });
      response.write(bytes.subarray(from, from + 1000));
    });
    await expect(openCheckpoint(`${served.url}/m`, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const checkpoint = await openCheckpoint(`${served.url}/m`);
    const inBody = new AbortController();
    setTimeout(() => inBody.abort(reason), 50);
    await expect(checkpoint.read('a', { signal: inBody.signal })).rejects.toBe(reason);

    const silent = await serve({ m: file }, () => {});
    const waiting = new AbortController();
    setTimeout(() => waiting.abort(reason), 50);
    await expect(openCheckpoint(`${silent.url}/m`, { signal: waiting.signal })).rejects.toBe(reason);

    const busy = await serve({ m: file }, (_, response) => response.writeHead(503).end());
    const retrying = new AbortController();
    setTimeout(() => retrying.abort(reason), 50);
    const options = { signal: retrying.signal, retries: 1000 };
    await expect(openCheckpoint(`${busy.url}/m`, options)).rejects.toBe(reason);
  });
});
