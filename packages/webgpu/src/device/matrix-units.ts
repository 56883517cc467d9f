/// <reference path="../wgsl.d.ts" />
import { assemble } from '../kernel/header.js';
import source from './matrix-units.wgsl';

/**
 * Whether a device multiplies matrices as products in tiles ask for it. Neither the feature nor a shader that compiles says
 * so: devices differ in the shapes and types of their matrices and in the lanes of a subgroup, and drivers have been wrong.
 */
export const matrixFeatures = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'chromium-experimental-subgroup-matrix',
] as const;

export const matrixSource: string = assemble(source, {}, {}, matrixFeatures).text;

/** One of `GPUAdapterInfo.subgroupMatrixConfigs`: [M K] times [K N]. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What every kernel here multiplies. */
const used: MatrixConfig = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };

const configText = ({ componentType, resultComponentType, M, N, K }: MatrixConfig) =>
  `${componentType} ${M}×${K}×${N} into ${resultComponentType}`;

/** Lanes of a subgroup, and bytes of workgroup memory, that `tiles/units` wants. */
const lanes = 32;
const workgroupBytes = 4 * 4096 + 8 * (1280 + 640);

/** Why products on matrix units are not to be trusted on a device that compiles them, or undefined. */
export async function matrixFailure(device: GPUDevice, info: GPUAdapterInfo): Promise<string | undefined> {
  const { subgroupMatrixConfigs } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const offered = Array.from(subgroupMatrixConfigs ?? [], configText);
  if (!offered.includes(configText(used)))
    return `no matrices of ${configText(used)} (${offered.join(', ') || 'none at all'})`;
  const [least, most] = [info.subgroupMinSize ?? 0, info.subgroupMaxSize ?? 0];
  if (least > lanes || most < lanes) return `subgroups of ${least} to ${most} lanes, not ${lanes}`;
  const available = device.limits.maxComputeWorkgroupStorageSize;
  if (available < workgroupBytes) return `${available} bytes of workgroup memory, not ${workgroupBytes}`;
  try {
    return difference(await run(device));
  } catch (error) {
    return `a test product failed: ${String(error).split('\n')[0]}`;
  }
}

const subgroups = 4;
const stride = 64;

const number = (line: number, place: number) => ((line * 7 + place * 3 + line * place) % 11) - 5;

function dot(term: (p: number) => number): number {
  let sum = 0;
  for (let p = 0; p < 32; p++) sum += term(p);
  return sum;
}

/** Small integers are exact in every format, so every sum is. */
function difference(results: Float32Array): string | undefined {
  for (let subgroup = 0; subgroup < subgroups; subgroup++)
    for (let i = 0; i < 16; i++)
      for (let j = 0; j < 16; j++) {
        const at = 16 * stride * subgroup + stride * i + j;
        const along = dot((p) => number(i, p) * number(16 + j, p));
        const across = dot((p) => number(p, i) * number(p, 16 + j));
        if (results[at] !== along) return `a test product along k gives ${results[at]}, not ${along}`;
        if (results[at + 16] !== across)
          return `a test product across k gives ${results[at + 16]}, not ${across}`;
      }
  return undefined;
}

const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, storage: 0x80 };

async function run(device: GPUDevice): Promise<Float32Array> {
  const size = 4 * 16 * stride * subgroups;
  const results = device.createBuffer({ size, usage: usage.storage | usage.copySource });
  const read = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
  try {
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: matrixSource }) },
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [{ binding: 0, resource: { buffer: results } }];
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(results, 0, read, 0, size);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(0x1);
    return new Float32Array(read.getMappedRange().slice(0));
  } finally {
    results.destroy();
    read.destroy();
  }
}
