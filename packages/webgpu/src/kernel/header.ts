import type { Params, Width } from './kernel.js';
import { paramsText } from './params.js';
import {
  absentAccessors,
  accessors,
  type Layout,
  literalAccessors,
  sharedAccessors,
  uniformAccessors,
  type ValueType,
} from './storage.js';

/** What stands behind one name of a shader. */
export type Slot =
  | { readonly kind: 'read' | 'write'; readonly layout: Layout; readonly width: Width }
  /** Read through a uniform buffer of so many vec4s. */
  | { readonly kind: 'uniform'; readonly value: ValueType; readonly vectors: number }
  | { readonly kind: 'literal'; readonly value: ValueType }
  /** The memory of output `output`, at the same positions. */
  | { readonly kind: 'shared'; readonly output: string; readonly value: ValueType }
  | { readonly kind: 'absent'; readonly value: ValueType };

export interface Shader {
  readonly text: string;
  /** Lines before the `.wgsl` file's first. */
  readonly headerLines: number;
  /** Kinds of bindings in order: `u` uniform, `r` read, `w` written. */
  readonly signature: string;
}

/** A dispatch of a plain number of workgroups is this many wide once one dimension cannot hold it. */
export const gridWidth = 32768;

const enables: Readonly<Record<string, string>> = {
  'shader-f16': 'enable f16;',
  subgroups: 'enable subgroups;',
  'subgroup-size-control': 'enable subgroup_size_control;',
  'chromium-experimental-subgroup-matrix': 'enable chromium_experimental_subgroup_matrix;',
};

/** Features that the bindings need by themselves. */
export const featuresOf = (slots: Readonly<Record<string, Slot>>): string[] =>
  Object.values(slots).some((slot) => 'layout' in slot && slot.layout === 'f16') ? ['shader-f16'] : [];

/** Puts the generated header before a `.wgsl` file. */
export function assemble(
  source: string,
  params: Params,
  slots: Readonly<Record<string, Slot>>,
  features: readonly string[],
): Shader {
  const uniform = Object.keys(params).length > 0;
  let binding = uniform ? 1 : 0;
  let signature = uniform ? 'u' : '';
  const parts = features.flatMap((feature) => enables[feature] ?? []).map((line) => `${line}\n`);
  if (uniform) parts.push(paramsText(params));
  for (const [name, slot] of Object.entries(slots)) {
    parts.push(`const has_${name} = ${slot.kind !== 'absent'};\n`);
    if (slot.kind === 'literal') parts.push(literalAccessors(name, slot.value));
    else if (slot.kind === 'shared') parts.push(sharedAccessors(name, slot.output, slot.value));
    else if (slot.kind === 'absent') parts.push(absentAccessors(name, slot.value));
    else if (slot.kind === 'uniform') {
      parts.push(uniformAccessors(name, slot.value, slot.vectors, binding++));
      signature += 'u';
    } else {
      parts.push(accessors(name, slot.layout, slot.width, slot.kind === 'write', binding++));
      signature += slot.kind === 'write' ? 'w' : 'r';
    }
  }
  parts.push(`fn linear_workgroup(id: vec3<u32>) -> u32 { return id.y * ${gridWidth}u + id.x; }\n`);
  const header = parts.join('');
  return { text: header + source, headerLines: header.split('\n').length - 1, signature };
}
