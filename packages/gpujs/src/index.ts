export { GpujsExecutor, type GpujsOptions, gpujs } from './executor/gpujs.js';
export type { GpujsProgram } from './executor/program.js';
export type { GpujsTensor } from './executor/tensor.js';
export type { GpuConstructor, GpuInstance, GpuKernel, GpuModule, GpuTexture, Mode } from './gpu.js';
export {
  type JsKernel,
  type JsKernelDefinition,
  jsKernel,
  type KernelFunction,
  type KernelThis,
} from './js-kernel.js';
export type { KernelCall } from './kernel/call.js';
export type { Holdings } from './kernel/runner.js';
