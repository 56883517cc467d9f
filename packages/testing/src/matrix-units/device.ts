import { proxied } from '../proxied.js';
import { translated } from './translate.js';

const features = ['subgroups', 'subgroup-size-control', 'chromium-experimental-subgroup-matrix'];
const config = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };

export interface Pretended {
  /** Matrices that the adapter claims to multiply. Default those that kernels use. */
  readonly configs?: readonly (typeof config)[];
  /** Changes shaders on matrix units before they are translated, as a faulty driver would. */
  readonly spoil?: (code: string) => string;
}

/**
 * A device with matrix units made of what it has: it shows their features, and shaders that use them run in plain WGSL. Halves
 * in buffers stay packed, as on any device without `shader-f16`.
 */
export function withMatrixUnits(device: GPUDevice, { configs = [config], spoil }: Pretended = {}): GPUDevice {
  const { vendor, architecture, description, isFallbackAdapter } = device.adapterInfo;
  const info = {
    vendor,
    architecture,
    description,
    isFallbackAdapter,
    device: 'with matrix units made of plain ones',
  };
  return proxied(device, {
    features: new Set([...device.features, ...features]),
    adapterInfo: { ...info, subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: configs },
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) =>
      device.createShaderModule({
        ...descriptor,
        code: translated(spoil ? spoil(descriptor.code) : descriptor.code),
      }),
  });
}
