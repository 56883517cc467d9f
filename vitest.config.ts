import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const source = '@emu-ts/source';

/** `.wgsl` imports give the file's text, as in the build. */
const wgsl: Plugin = {
  name: 'wgsl',
  transform: (code, id) => (id.endsWith('.wgsl') ? `export default ${JSON.stringify(code)}` : undefined),
};

/** A GPU in software takes minutes where a processor takes seconds; what draws takes one where tests share two cores. */
const onGpu = 900_000;
const usual = process.env.EMU_EXECUTOR?.includes('webgpu') ? onGpu : 240_000;

/** Projects by what a test needs: nothing, ONNX Runtime, a WebGPU adapter, the golden files. */
const project = (
  name: string,
  include: string[],
  exclude: string[] = [],
  setupFiles: string[] = [],
  plugins: Plugin[] = [],
  testTimeout = usual,
) => ({
  plugins: [wgsl, ...plugins],
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

/** Tests of kernels on Dawn that a page runs as well: whatever they make with `webgpu()` is in Chromium then. */
const kernels = [
  'packages/nn/src/{nn,fusions}.gpu.test.ts',
  'packages/nn/src/conv2d-fused/*.gpu.test.ts',
  'packages/webgpu/src/primitives/conv2d.gpu.test.ts',
  'packages/language-model/src/{cached-attention,continuations,decode,next-beams,sample}/*.gpu.test.ts',
  'packages/diffusion-decoder/src/step/*.gpu.test.ts',
  'packages/causal-transformer/src/relative-attention/*.gpu.test.ts',
  'packages/training/src/webgpu.gpu.test.ts',
  'packages/visual-encoder/src/kernels.gpu.test.ts',
];
const inBrowser: Plugin = {
  name: 'in-browser',
  enforce: 'pre',
  resolveId(id, importer = '') {
    const asked =
      id === '@emu-ts/webgpu' || (id === '../index.js' && importer.includes('/webgpu/src/primitives/'));
    const page = new URL('packages/testing/src/browser/webgpu.ts', import.meta.url);
    return asked && importer.endsWith('.gpu.test.ts') ? fileURLToPath(page) : undefined;
  },
};

const where = (suffix: string) => [
  `packages/*/src/**/*${suffix}`,
  `apps/*/src/**/*${suffix}`,
  `scripts/**/*${suffix}`,
];
const special = ['onnx', 'golden', 'gpu', 'browser'].map((kind) => `**/*.${kind}.test.ts`);

export default defineConfig({
  test: {
    // One fewer than there are cores is the default: on two of them half the machine would wait.
    maxWorkers: availableParallelism(),
    projects: [
      project('unit', where('.test.ts'), special),
      project('onnx', where('.onnx.test.ts')),
      project('gpu', where('.gpu.test.ts'), [], ['packages/testing/src/gpu-setup.ts']),
      project('golden', where('.golden.test.ts')),
      project('browser', where('.browser.test.ts')),
      project(
        'kernels-in-browser',
        process.env.EMU_SKIP_BROWSER === '1' ? [] : kernels,
        [],
        [],
        [inBrowser],
        onGpu,
      ),
    ],
  },
});
