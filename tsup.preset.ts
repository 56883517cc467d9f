import { defineConfig, type Options } from 'tsup';

/** The one build of every package: ESM and types; `.wgsl` files become strings. */
export const preset = (options: Options = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    format: 'esm',
    target: 'es2022',
    dts: true,
    clean: true,
    sourcemap: true,
    loader: { '.wgsl': 'text' },
    ...options,
  });
