import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The shape of the repository: what every package has, and which way the arrows between packages go. */
const root = fileURLToPath(new URL('../', import.meta.url));

/** From the ground up. A package imports from floors below its own, and on its own floor only what is listed before it. */
const floors: readonly (readonly string[])[] = [
  ['base'],
  ['graph'],
  ['params', 'checkpoint', 'contracts'],
  ['onnx', 'webgpu', 'gpujs', 'nn'],
  [
    'tokenizer',
    'sequence',
    'media',
    'visual-encoder',
    'causal-transformer',
    'language-model',
    'regression-head',
    'diffusion-decoder',
  ],
  ['training', 'data', 'evaluation', 'tiny'],
  ['emu', 'studio'],
];
const executors = new Set(['onnx', 'webgpu', 'gpujs']);
const floorOf = (name: string) => floors.findIndex((names) => names.includes(name));

interface Manifest {
  name: string;
  private?: boolean;
  license?: string;
  type?: string;
  sideEffects?: unknown;
  exports?: Record<string, unknown>;
  /** Modules that bundles for pages get another or, by `false`, an empty one for. */
  browser?: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  scripts?: Record<string, string>;
}

const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group))
    .map((folder) => ({ folder: path.join(root, group, folder), short: folder }))
    .filter(({ folder }) => existsSync(path.join(folder, 'package.json')))
    .map((p) => ({
      ...p,
      manifest: JSON.parse(readFileSync(path.join(p.folder, 'package.json'), 'utf8')) as Manifest,
    })),
);

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : files(full);
    return [full];
  });

const sources = (folder: string): string[] => files(folder).filter((file) => /\.tsx?$/.test(file));

const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'(@emu-ts\/[a-z-]+)/g)].map(([, name]) =>
    name.replace('@emu-ts/', ''),
  );

/** What is left of a file when it runs. */
const withoutTypes = (text: string): string => text.replace(/^import type [^;]*;/gm, '');

describe.each(packages)('$manifest.name', ({ folder, short, manifest }) => {
  const published = !manifest.private;

  it.runIf(published)('has what a published package has', () => {
    for (const file of ['README.md', 'LICENSE', 'src/index.ts', 'tsconfig.json', 'tsup.config.ts']) {
      expect(existsSync(path.join(folder, file)), file).toBe(true);
    }
    expect(manifest).toMatchObject({ license: 'Apache-2.0', type: 'module', sideEffects: false });
    for (const target of Object.values(manifest.exports ?? {})) {
      if (typeof target === 'object')
        expect(Object.keys(target as object)).toEqual(['@emu-ts/source', 'types', 'import']);
    }
    const lifecycle = ['preinstall', 'install', 'postinstall', 'prepare'].filter(
      (name) => manifest.scripts?.[name],
    );
    expect(lifecycle).toEqual([]);
    expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toContain('```ts');
  });

  it.runIf(published)('imports only what it declares, and only downwards', () => {
    const own = floorOf(short);
    expect(own, `${short} stands on no floor of scripts/structure.test.ts`).toBeGreaterThanOrEqual(0);
    const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
    for (const file of sources(path.join(folder, 'src')).filter((f) => !f.endsWith('.test.ts'))) {
      const text = readFileSync(file, 'utf8');
      const where = path.relative(root, file);
      if (own >= 3 && own <= 4 && !executors.has(short)) {
        const mentioned = imports(withoutTypes(text)).filter((name) => executors.has(name));
        expect(
          mentioned,
          `${where}: a model runs on whatever it is given; kernels need an executor's types alone`,
        ).toEqual([]);
      }
      for (const name of imports(text)) {
        if (name === short || name === 'testing') continue;
        expect(
          declared.has(`@emu-ts/${name}`),
          `${where} imports ${name}, which package.json does not list`,
        ).toBe(true);
        const floor = floorOf(name);
        const down = floor < own || (floor === own && floors[own].indexOf(name) < floors[own].indexOf(short));
        expect(down, `${where} imports ${name} upwards`).toBe(true);
      }
    }
  });

  it.runIf(published)('leaves out of bundles for pages what it imports in Node alone', () => {
    const text = sources(path.join(folder, 'src'))
      .filter((file) => !file.includes('.test.'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const asked = [...text.matchAll(/import\('(node:[a-z_/]+)'\)/g)].map(([, name]) => name);
    const off = Object.fromEntries(asked.map((name) => [name, false]));
    expect({ ...manifest.browser, ...off }).toEqual(manifest.browser ?? {});
  });

  it('keeps its source files under 300 lines and its shaders free of interpolation', () => {
    for (const file of sources(path.join(folder, 'src')).filter(
      (f) => !f.includes('.test.') && !f.endsWith('_pb.ts'),
    )) {
      expect(readFileSync(file, 'utf8').split('\n').length, path.relative(root, file)).toBeLessThanOrEqual(
        301,
      );
    }
    for (const file of files(path.join(folder, 'src')).filter((f) => f.endsWith('.wgsl'))) {
      const text = readFileSync(file, 'utf8');
      expect(text, path.relative(root, file)).not.toContain('${');
      expect(text.startsWith('// '), `${path.relative(root, file)} opens with its plan`).toBe(true);
    }
  });
});

describe('the repository', () => {
  it('promises no later work in its sources', () => {
    const words = /\b(TODO|FIXME|XXX|not (yet )?implemented)\b/i;
    const found = packages
      .flatMap(({ folder }) => sources(path.join(folder, 'src')))
      .filter((file) => words.test(readFileSync(file, 'utf8')))
      .map((file) => path.relative(root, file));
    expect(found).toEqual([]);
  });

  it('gives every dependency a line in docs/dependencies.md', () => {
    const text = readFileSync(path.join(root, 'docs/dependencies.md'), 'utf8');
    const names = packages.flatMap(({ manifest }) =>
      Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
        (name) => !name.startsWith('@emu-ts/'),
      ),
    );
    expect([...new Set(names)].filter((name) => !text.includes(name))).toEqual([]);
  });
});
