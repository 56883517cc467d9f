import { prepareGpu } from './gpu.js';

/** Runs before every file of the `gpu` project. */
prepareGpu();
