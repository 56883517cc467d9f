import { isFloat } from '@emu-ts/base';
import { type AnyOp, graphOf, input, size, tensorType, type Value } from '@emu-ts/graph';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import type { OpCase } from './describe-op.js';
import { nullGpu } from './gpu.js';

/** Floats stored in f32, and in f16 both as a type of its own and packed. */
const storages = [
  { stored: 'f32', tiers: undefined },
  { stored: 'f16', tiers: undefined },
  { stored: 'f16', tiers: ['core'] },
] as const;

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
  let dispatches = 0;
  for (const { stored, tiers } of storages) {
    await using executor = await webgpu({ gpu, tiers, kernels: [kernel] });
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
