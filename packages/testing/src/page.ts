/** What also runs in a page; the rest of this package needs Node. `.wgsl` files need a loader. */
export * from './bench.js';
export * from './kernels.js';
export * from './tolerance.js';
