import { defineConfig, type Options } from 'tsup';

/**
 * webpack fails on `import('node:fs')` in code for pages, whatever `browser` in package.json says, and warns of imports whose
 * name it cannot read. Both stay imports of the machine's own.
 */
const ownImports = {
  name: 'own-imports',
  renderChunk: (code: string) => ({
    code: code
      .replaceAll(/\bimport\((?="node:)/g, 'import(/* webpackIgnore: true */ ')
      .replaceAll('/* @vite-ignore */', '/* webpackIgnore: true */ /* @vite-ignore */'),
  }),
};

/** The one build of every package: ESM and types; `.wgsl` files become strings. */
export const options = {
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  // The declaration step sets `baseUrl`, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  clean: true,
  removeNodeProtocol: false,
  sourcemap: true,
  loader: { '.wgsl': 'text' },
  plugins: [ownImports],
} satisfies Options;

export const preset = (own: Options = {}) => defineConfig({ ...options, ...own });
