import { type CallOptions, EmuError, isNode } from '@emu-ts/base';
import { type Capabilities, deviceDescriptor, probe, type TierName } from './capabilities.js';
import { NoAdapterError } from './errors.js';

/** Where the device comes from: the first that is given; otherwise `navigator.gpu`, or in Node the `webgpu` package. */
export interface DeviceOptions {
  /** A device of the caller's. It is never destroyed here. */
  readonly device?: GPUDevice | undefined;
  readonly adapter?: GPUAdapter | undefined;
  readonly gpu?: GPU | undefined;
  /** Default `high-performance`. */
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** The tiers that may be used. Default all: what the device cannot do is left out with a reason. */
  readonly tiers?: readonly TierName[] | undefined;
  /** Tiers whose results are not tried, for devices that compile and do not compute, such as Dawn's null backend. */
  readonly assumed?: readonly TierName[] | undefined;
  /** Options of Dawn, in Node, instead of `dawnOptions`. Only the first call of a process can set them. */
  readonly dawn?: readonly string[] | undefined;
}

export interface Acquired {
  readonly device: GPUDevice;
  /** Made here, so destroyed here. */
  readonly owned: boolean;
  readonly capabilities: Capabilities;
}

const allTiers: readonly TierName[] = ['core', 'f16', 'subgroups', 'dp4a', 'subgroup-matrix'];

/**
 * What Dawn must be told before it shows what the hardware can do: f16 on NVIDIA under Vulkan and the memory model that
 * matrices need are off by default, bounds clamps and zero-filled workgroup memory cost time that kernels here do not
 * need, and quantised timestamps would hide everything below 65 µs.
 */
export const dawnOptions: readonly string[] = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model,' +
    'disable_workgroup_init,disable_polyfills_on_integer_div_and_mod',
  'disable-dawn-features=timestamp_quantization',
];

/** Dawn must stay referenced for the life of the process, and there may be one. */
let dawn: Promise<GPU> | undefined;

async function dawnInstance(options: readonly string[]): Promise<GPU> {
  const name = 'webgpu';
  const { create } = (await import(/* @vite-ignore */ name).catch((cause) => {
    throw new NoAdapterError(
      'There is no WebGPU here: no navigator.gpu, and the `webgpu` package is not installed.',
      {
        hint: 'Install it: npm install webgpu.',
        cause,
      },
    );
  })) as { create(options: string[]): GPU };
  return create([...options]);
}

/** Acquires a device. Throws `NoAdapterError` when there is none. */
export async function acquire(options: DeviceOptions, { signal }: CallOptions = {}): Promise<Acquired> {
  signal?.throwIfAborted();
  const allowed = new Set(options.tiers ?? allTiers);
  const assumed = new Set(options.assumed);
  if (options.device) {
    const { device } = options;
    const gpu = options.gpu ?? browserGpu();
    const capabilities = await probe(device, gpu, device.adapterInfo, allowed, assumed);
    return { device, owned: false, capabilities };
  }
  const gpu =
    options.gpu ?? browserGpu() ?? (options.adapter ? undefined : await nodeGpu(options.dawn ?? dawnOptions));
  const powerPreference = options.powerPreference ?? 'high-performance';
  const adapter = options.adapter ?? (await gpu?.requestAdapter({ powerPreference }));
  if (!adapter)
    throw new NoAdapterError('WebGPU is here but offers no adapter.', {
      hint: 'Check the graphics driver; on Linux, Vulkan must work (vulkaninfo).',
    });
  const device = await adapter.requestDevice(deviceDescriptor(adapter, allowed)).catch((cause) => {
    throw new NoAdapterError(`The adapter gives no device: ${String(cause)}`, { cause });
  });
  const capabilities = await probe(device, gpu, adapter.info, allowed, assumed);
  if (signal?.aborted) device.destroy();
  signal?.throwIfAborted();
  return { device, owned: true, capabilities };
}

const browserGpu = (): GPU | undefined => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;

function nodeGpu(options: readonly string[]): Promise<GPU> {
  if (!isNode())
    throw new NoAdapterError('There is no WebGPU here: navigator.gpu is missing.', {
      hint: 'Use a browser with WebGPU over HTTPS or localhost.',
    });
  dawn ??= dawnInstance(options).catch((error) => {
    dawn = undefined;
    throw error instanceof EmuError
      ? error
      : new NoAdapterError(`Dawn did not start: ${String(error)}`, { cause: error });
  });
  return dawn;
}
