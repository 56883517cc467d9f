export { type DeviceOptions, dawnOptions } from './device/acquire.js';
export type { MemoryUse } from './device/buffers.js';
export type { Capabilities, Tier, TierName } from './device/capabilities.js';
export {
  DeviceLimitError,
  DeviceLostError,
  NoAdapterError,
  OutOfMemoryError,
  ShaderError,
  ValidationError,
} from './device/errors.js';
export { WebGpuExecutor, type WebGpuOptions, webgpu } from './executor/executor.js';
export type { Profile, ProfileEntry } from './executor/profile.js';
export type { GpuProgram } from './executor/program.js';
export type { GpuTensor } from './executor/tensor.js';
export * from './kernel/kernel.js';
export type { Cost } from './plan/cost.js';
export { roundedKernels } from './primitives/matmul.js';
