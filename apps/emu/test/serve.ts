import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** A folder, or the text of a page, by the path under which it is served; the longest that fits an address wins. */
export type Routes = Readonly<Record<string, { readonly folder: string } | { readonly text: string }>>;

export interface FileServer extends AsyncDisposable {
  /** Ends in `/`. */
  readonly url: string;
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Serves files of this machine to itself, by ranges where they are asked for. */
export async function serveFiles(routes: Routes): Promise<FileServer> {
  const prefixes = Object.keys(routes).sort((a, b) => b.length - a.length);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url as string, 'http://localhost');
    const prefix = prefixes.find((start) => pathname.startsWith(start));
    const route = prefix === undefined ? undefined : routes[prefix];
    const rest = pathname.slice(prefix?.length ?? 0);
    const body = route && (await contents(route, rest));
    if (!body) return response.writeHead(404).end();
    const type =
      'text' in route ? 'text/html' : (types[path.extname(pathname)] ?? 'application/octet-stream');
    const headers = { 'content-type': type, 'accept-ranges': 'bytes' };
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined || request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'content-length': body.length });
      return response.end(request.method === 'HEAD' ? undefined : body);
    }
    const end = Math.min(to ? Number(to) : body.length - 1, body.length - 1);
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${from}-${end}/${body.length}`,
      'content-length': end - Number(from) + 1,
    });
    return response.end(body.subarray(Number(from), end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const contents = async (route: Routes[string], rest: string): Promise<Buffer | undefined> =>
  'text' in route ? Buffer.from(route.text) : readFile(path.join(route.folder, rest)).catch(() => undefined);
