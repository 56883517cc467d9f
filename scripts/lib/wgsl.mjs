import { register } from 'node:module';

/** `node --import ./scripts/lib/wgsl.mjs`: `.wgsl` imports give the file's text, as in the build. */
register('./wgsl-hooks.mjs', import.meta.url);
