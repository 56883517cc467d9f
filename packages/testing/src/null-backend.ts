import { isFloat } from '@emu-ts/base';
import { type AnyOp, graphOf, input, size, tensorType, type Value } from '@emu-ts/graph';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import type { OpCase } from './describe-op.js';
import { nullGpu } from './gpu.js';
import { proxied } from './proxied.js';

/** Floats stored in f32, and in f16 both as a type of its own and packed. */
const storages = [
  { stored: 'f32', tiers: undefined },
  { stored: 'f16', tiers: undefined },
  { stored: 'f16', tiers: ['core'] },
] as const;

/**
 * A device of the null backend with all that it has. Matrices take more workgroup memory than its adapter allows: arrays that
 * hold them are validated shorter, which for a compiler makes no difference.
 */
export async function nullDevice(gpu: GPU): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('The null backend has no adapter.');
  const limits: Record<string, number> = {};
  for (const name in adapter.limits)
    limits[name] = adapter.limits[name as keyof GPUSupportedLimits] as number;
  const device = await adapter.requestDevice({
    requiredFeatures: [...adapter.features] as GPUFeatureName[],
    requiredLimits: { maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage },
  });
  const shortened = (code: string) =>
    code.includes('subgroup_matrix')
      ? code
          .replaceAll(/(var<workgroup> \w+: array<f32, )\d+>/g, '$11024>')
          .replaceAll(/(var<workgroup> \w+: array<vec4<f16>, )\d+>/g, '$1640>')
      : code;
  return proxied(device, {
    limits,
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) =>
      device.createShaderModule({ ...descriptor, code: shortened(descriptor.code) }),
  });
}

/**
 * Compiles a kernel on Dawn's null backend, which has every feature and validates every shader, for the cases it claims: how
 * many dispatches that makes, which a test wants above zero. Cases larger than a binding are left out.
 *
 * @param exact operands that are f32 whatever the others are stored in
 */
export async function validatedDispatches(
  kernel: AnyKernel,
  cases: readonly Pick<OpCase, 'inputs' | 'attrs'>[],
  exact: ReadonlySet<string> = new Set(),
): Promise<number> {
  // Imported late: `.wgsl` files need a loader.
  const { webgpu } = await import('@emu-ts/webgpu');
  const gpu = await nullGpu();
  const device = await nullDevice(gpu);
  let dispatches = 0;
  for (const { stored, tiers } of storages) {
    await using executor = await webgpu({
      gpu,
      device,
      tiers,
      kernels: [kernel],
      assumed: ['subgroup-matrix'],
    });
    const { capabilities } = executor;
    for (const { inputs, attrs } of cases) {
      const symbols = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype, shape }]) => {
          const narrowed = isFloat(dtype) && !exact.has(name) ? stored : dtype;
          return [name, input(name, tensorType(narrowed, shape))];
        }),
      );
      const outputs = (kernel.op as AnyOp)(symbols, attrs) as Record<string, Value>;
      const { node } = Object.values(outputs)[0];
      const types = { ...node.inputs, ...node.outputs };
      if ((kernel.supports?.(types, node.attrs, capabilities) ?? true) !== true) continue;
      const largest = Math.max(...Object.values(types).map(size));
      if (4 * largest > capabilities.limits.maxStorageBufferBindingSize) continue;
      await using program = await executor.compile(graphOf(outputs));
      dispatches += program.dispatches;
    }
  }
  return dispatches;
}
