import type { GpuView } from '../kernel/kernel.js';
import { matrixFailure, matrixSource } from './matrix-units.js';

/**
 * What a device can do, found by trying. A tier is taken when the device has the feature and a small shader that uses it
 * compiles (and, on matrix units, multiplies right); what was not taken says why. Kernels ask for features, never for vendors.
 */
export type TierName = 'core' | 'f16' | 'subgroups' | 'dp4a' | 'subgroup-matrix';

export interface Tier {
  readonly name: TierName;
  readonly taken: boolean;
  readonly reason: string;
}

interface Probe {
  readonly name: TierName;
  readonly feature?: GPUFeatureName | undefined;
  readonly languageFeature?: string | undefined;
  readonly source: string;
  /** What else may be wrong with a device on which the source compiles. */
  readonly fails?: (device: GPUDevice, info: GPUAdapterInfo) => Promise<string | undefined>;
}

/** From the least to the most demanding. */
const probes: readonly Probe[] = [
  { name: 'core', source: '@compute @workgroup_size(64) fn main() {}' },
  {
    name: 'f16',
    feature: 'shader-f16',
    source:
      'enable f16; var<private> x: vec4<f16>; @compute @workgroup_size(64) fn main() { x = vec4<f16>(1h); }',
  },
  {
    name: 'subgroups',
    feature: 'subgroups',
    source:
      'enable subgroups; var<private> x: f32; @compute @workgroup_size(64) fn main() { x = subgroupAdd(1.0); }',
  },
  {
    name: 'dp4a',
    languageFeature: 'packed_4x8_integer_dot_product',
    source:
      'requires packed_4x8_integer_dot_product; var<private> x: i32; @compute @workgroup_size(64) fn main() { x = dot4I8Packed(1u, 2u); }',
  },
  {
    name: 'subgroup-matrix',
    feature: 'chromium-experimental-subgroup-matrix' as GPUFeatureName,
    source: matrixSource,
    fails: matrixFailure,
  },
];

/** The features worth asking an adapter for. */
export const wantedFeatures: readonly GPUFeatureName[] = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control' as GPUFeatureName,
  'timestamp-query',
  'chromium-experimental-subgroup-matrix' as GPUFeatureName,
];

/** The limits worth raising to what the adapter allows. */
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

export interface Capabilities extends GpuView {
  /** `vendor architecture device`, as the adapter describes itself. */
  readonly adapter: string;
  readonly tiers: readonly Tier[];
  readonly timestamps: boolean;
}

export function deviceDescriptor(adapter: GPUAdapter, tiers: ReadonlySet<TierName>): GPUDeviceDescriptor {
  const refused = probes.flatMap(({ name, feature }) => (feature && !tiers.has(name) ? [feature] : []));
  return {
    requiredFeatures: wantedFeatures.filter((f) => adapter.features.has(f) && !refused.includes(f)),
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  };
}

/** Tries every tier that is allowed on a device. */
export async function probe(
  device: GPUDevice,
  gpu: Pick<GPU, 'wgslLanguageFeatures'> | undefined,
  info: GPUAdapterInfo,
  allowed: ReadonlySet<TierName>,
  assumed: ReadonlySet<TierName>,
): Promise<Capabilities> {
  const languageFeatures = new Set(gpu?.wgslLanguageFeatures ?? []);
  const tiers: Tier[] = [];
  for (const { name, feature, languageFeature, source, fails } of probes) {
    const reason = !allowed.has(name)
      ? 'switched off by the caller'
      : feature && !device.features.has(feature)
        ? `the device lacks ${feature}`
        : languageFeature && !languageFeatures.has(languageFeature)
          ? `WGSL here lacks ${languageFeature}`
          : ((await compileError(device, source)) ??
            (assumed.has(name) ? undefined : await fails?.(device, info)));
    const tried = fails && !assumed.has(name) ? 'a test product is right' : 'a test shader compiled';
    tiers.push({ name, taken: !reason, reason: reason ?? tried });
  }
  const off = new Set(tiers.filter(({ taken }) => !taken).map(({ name }) => name));
  const hidden = probes.filter(({ name }) => off.has(name));
  const features = new Set<string>(device.features);
  for (const { feature, languageFeature } of hidden) {
    if (feature) features.delete(feature);
    if (languageFeature) languageFeatures.delete(languageFeature);
  }
  const units = tiers.find(({ name }) => name === 'subgroup-matrix')!;
  const limits: Record<string, number> = {};
  for (const name in device.limits) limits[name] = Number(device.limits[name as keyof GPUSupportedLimits]);
  return {
    adapter:
      [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ') ||
      'unnamed adapter',
    vendor: info.vendor,
    features,
    languageFeatures,
    limits,
    tiers,
    timestamps: features.has('timestamp-query'),
    subgroupMinSize: info.subgroupMinSize ?? 4,
    subgroupMaxSize: info.subgroupMaxSize ?? 128,
    matrixUnits: units.taken || `no matrix units: ${units.reason}`,
  };
}

/** Why a shader does not become a pipeline here, or undefined. */
async function compileError(device: GPUDevice, code: string): Promise<string | undefined> {
  device.pushErrorScope('validation');
  const failure = await device
    .createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code }) } })
    .then(
      () => undefined,
      (error: unknown) => String(error).split('\n')[0],
    );
  const error = await device.popErrorScope();
  return error ? error.message.split('\n')[0] : failure;
}

/** One line per tier: `f16 no: the device lacks shader-f16`. */
export const formatTiers = ({ adapter, tiers }: Capabilities): string =>
  [adapter, ...tiers.map(({ name, taken, reason }) => `  ${name} ${taken ? 'yes' : 'no'}: ${reason}`)].join(
    '\n',
  );
