import { type DType, isFloat } from '@emu-ts/base';
import { DeviceLimitError } from '../device/errors.js';
import type { Pipeline } from '../device/pipelines.js';
import { assemble, featuresOf, gridWidth, type Shader, type Slot } from '../kernel/header.js';
import type { GpuView, Params, ParamValue, Workgroups } from '../kernel/kernel.js';
import { paramsBytes } from '../kernel/params.js';
import { type Layout, layoutOf, storedBytes, type ValueType, valueType } from '../kernel/storage.js';
import type { Dispatch, Operand, Storage } from '../plan/steps.js';
import { featuresOfTiles, sourceOf } from '../tiles/tiles.js';

/** A dispatch as it will be encoded, before its pipeline and buffers exist. */
export interface Draft {
  readonly dispatch: Dispatch;
  readonly shader: Shader;
  readonly params: Uint8Array<ArrayBuffer> | undefined;
  /** What is bound, in the order of the layout, the parameters left out. */
  readonly bindings: readonly { readonly storage: Storage; readonly bytes: number }[];
  readonly grid: readonly [number, number, number];
}

/** A dispatch ready to encode. */
export interface Command extends Draft {
  readonly pipeline: Pipeline;
  /** Position of its parameters in the program's one uniform buffer. */
  readonly paramsAt: number;
}

/** Assembles the shader of a dispatch from what its operands turned out to be. */
export function draft(dispatch: Dispatch, gpu: GpuView): Draft {
  const { pass, kernel, reads, writes } = dispatch;
  const slots: Record<string, Slot> = {};
  const bindings: { storage: Storage; bytes: number }[] = [];
  const literals: Record<string, ParamValue> = {};
  const f16 = gpu.features.has('shader-f16');
  const limit = gpu.limits.maxStorageBufferBindingSize;
  let storages = 0;
  const add = (name: string, operand: Operand, write: boolean) => {
    if (operand.kind === 'absent')
      slots[name] = { kind: 'absent', value: operand.type ? valueTypeOf(operand.type.dtype) : 'f32' };
    else if (operand.kind === 'shared')
      slots[name] = { kind: 'shared', output: operand.output, value: valueTypeOf(operand.type.dtype) };
    else if (operand.kind === 'literal') {
      const value = valueTypeOf(operand.type.dtype);
      slots[name] = { kind: 'literal', value };
      literals[`literal_${name}`] = [value, operand.value];
    } else {
      const layout = layoutOf(operand.type, f16);
      const bytes = storedBytes(operand.type);
      const uniform = !write && pass.uniforms?.includes(name) && fitsUniform(layout, bytes, gpu);
      if (uniform) slots[name] = { kind: 'uniform', value: valueType(layout), vectors: bytes / 16 };
      else slots[name] = { kind: write ? 'write' : 'read', layout, width: pass.widths?.[name] ?? 1 };
      if (bytes > limit)
        throw new DeviceLimitError(
          `'${operand.storage.name}' (operand '${name}' of ${kernel.name})`,
          'maxStorageBufferBindingSize',
          bytes,
          limit,
        );
      bindings.push({ storage: operand.storage, bytes });
      if (!uniform) storages++;
    }
  };
  for (const [name, operand] of Object.entries(reads)) add(name, operand, false);
  for (const [name, operand] of Object.entries(writes)) add(name, operand, true);
  const available = gpu.limits.maxStorageBuffersPerShaderStage;
  if (storages > available)
    throw new DeviceLimitError(kernel.name, 'maxStorageBuffersPerShaderStage', storages, available);
  const params: Params = { ...literals, ...pass.params };
  const features = [...new Set([...featuresOf(slots), ...featuresOfTiles(pass), ...(kernel.requires ?? [])])];
  return {
    dispatch,
    shader: assemble(sourceOf(pass), params, slots, features),
    params: Object.keys(params).length ? paramsBytes(params) : undefined,
    bindings,
    grid: gridOf(pass.workgroups),
  };
}

const fitsUniform = (layout: Layout, bytes: number, { limits }: GpuView): boolean =>
  ['f32', 'i32', 'u32'].includes(layout) && bytes <= limits.maxUniformBufferBindingSize;

const valueTypeOf = (dtype: DType): ValueType =>
  isFloat(dtype) ? 'f32' : valueType(layoutOf({ dtype, shape: [] }, false));

/** A plain number of workgroups fits one dimension, or is laid out in rows of `gridWidth`. */
export function gridOf(workgroups: Workgroups): readonly [number, number, number] {
  if (typeof workgroups !== 'number') return workgroups;
  return workgroups <= 65535 ? [workgroups, 1, 1] : [gridWidth, Math.ceil(workgroups / gridWidth), 1];
}
