import { defineConfig, type Plugin } from 'vitest/config';

const source = '@emu-ts/source';

/** `.wgsl` imports give the file's text, as in the build. */
const wgsl: Plugin = {
  name: 'wgsl',
  transform: (code, id) => (id.endsWith('.wgsl') ? `export default ${JSON.stringify(code)}` : undefined),
};

/** Projects by what a test needs: nothing, ONNX Runtime, the golden files. */
const project = (name: string, include: string[], exclude: string[] = []) => ({
  plugins: [wgsl],
  resolve: { conditions: [source, 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: [source, 'node', 'import', 'default'] } },
  test: { name, include, exclude: ['**/node_modules/**', '**/dist/**', ...exclude], testTimeout: 60_000 },
});

const where = (suffix: string) => [
  `packages/*/src/**/*${suffix}`,
  `apps/*/src/**/*${suffix}`,
  `scripts/**/*${suffix}`,
];
const special = ['onnx', 'golden', 'gpu', 'browser'].map((kind) => `**/*.${kind}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      project('unit', where('.test.ts'), special),
      project('onnx', where('.onnx.test.ts')),
      project('golden', where('.golden.test.ts')),
    ],
  },
});
