import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

/** `.wgsl` imports give the file's text: packages are read from their sources. */
const wgsl: Plugin = {
  name: 'wgsl',
  transform: (code, id) => (id.endsWith('.wgsl') ? `export default ${JSON.stringify(code)}` : undefined),
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  // The weights lie beside the page.
  publicDir: fileURLToPath(new URL('../../packages/tiny/weights', import.meta.url)),
  resolve: { conditions: ['@emu-ts/source', ...defaultClientConditions] },
  plugins: [wgsl],
  worker: { format: 'es', plugins: () => [wgsl] },
  build: { target: 'es2022', chunkSizeWarningLimit: 1000 },
});
