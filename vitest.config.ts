import { defineConfig, type Plugin } from 'vitest/config';

const source = '@emu-ts/source';

/** `.wgsl` imports give the file's text, as in the build. */
const wgsl: Plugin = {
  name: 'wgsl',
  transform: (code, id) => (id.endsWith('.wgsl') ? `export default ${JSON.stringify(code)}` : undefined),
};

/** A GPU in software takes minutes where a processor takes seconds. */
const testTimeout = process.env.EMU_EXECUTOR?.includes('webgpu') ? 900_000 : 60_000;

/** Projects by what a test needs: nothing, ONNX Runtime, a WebGPU adapter, the golden files. */
const project = (name: string, include: string[], exclude: string[] = [], setupFiles: string[] = []) => ({
  plugins: [wgsl],
  resolve: { conditions: [source, 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: [source, 'node', 'import', 'default'] } },
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', '**/dist/**', ...exclude],
    setupFiles,
    testTimeout,
    hookTimeout: testTimeout,
  },
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
      project('gpu', where('.gpu.test.ts'), [], ['packages/testing/src/gpu-setup.ts']),
      project('golden', where('.golden.test.ts')),
      project('browser', where('.browser.test.ts')),
    ],
  },
});
