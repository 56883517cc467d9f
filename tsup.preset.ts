import { defineConfig, type Options } from 'tsup';

/** The one build of every package: ESM and types; `.wgsl` files become strings. */
export const preset = (options: Options = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    format: 'esm',
    target: 'es2022',
    // The declaration step sets `baseUrl`, which TypeScript 6 deprecates.
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
    clean: true,
    removeNodeProtocol: false,
    sourcemap: true,
    loader: { '.wgsl': 'text' },
    ...options,
  });
