import { type DType, EmuError } from '@emu-ts/base';
import { formatType, size, type TensorType } from '@emu-ts/graph';
import type { Width } from './kernel.js';

/**
 * How a dtype lies in GPU memory, and the WGSL that reads and writes it. Kernels compute with f32, i32 or u32 whatever is
 * stored. Half floats and small integers are packed into 32-bit words where the device has no type for them (every
 * device, but for f16 under `shader-f16`); then a single element is written with two atomic operations on its word, so
 * that neighbours written by other invocations survive.
 */
export type Layout =
  | 'f32'
  | 'i32'
  | 'u32'
  | 'f16'
  | 'packed-f16'
  | 'packed-bf16'
  | 'packed-u16'
  | 'packed-u8'
  | 'packed-i8';

/** What `load_x` gives. */
export type ValueType = 'f32' | 'i32' | 'u32';

interface Format {
  readonly bytes: number;
  readonly value: ValueType;
}

const formats: Readonly<Record<Layout, Format>> = {
  f32: { bytes: 4, value: 'f32' },
  i32: { bytes: 4, value: 'i32' },
  u32: { bytes: 4, value: 'u32' },
  f16: { bytes: 2, value: 'f32' },
  'packed-f16': { bytes: 2, value: 'f32' },
  'packed-bf16': { bytes: 2, value: 'f32' },
  'packed-u16': { bytes: 2, value: 'i32' },
  'packed-u8': { bytes: 1, value: 'i32' },
  'packed-i8': { bytes: 1, value: 'i32' },
};

/** Throws `DTYPE` for the dtypes a GPU cannot compute with. */
export function layoutOf(type: TensorType, f16: boolean): Layout {
  const layouts: Partial<Record<DType, Layout>> = {
    f32: 'f32',
    i32: 'i32',
    u32: 'u32',
    bool: 'u32',
    f16: f16 ? 'f16' : 'packed-f16',
    bf16: 'packed-bf16',
    u16: 'packed-u16',
    u8: 'packed-u8',
    i8: 'packed-i8',
  };
  const found = layouts[type.dtype];
  if (!found)
    throw new EmuError('DTYPE', `WebGPU computes with at most 32 bits, got a ${formatType(type)} tensor.`, {
      hint: 'Convert it to f32 or i32.',
    });
  return found;
}

export const valueType = (layout: Layout): ValueType => formats[layout].value;

/** Bytes a tensor takes: whole vec4s, and never none, so that every binding is valid. */
export function storedBytes(type: TensorType): number {
  const layout = layoutOf(type, false);
  return Math.max(16, Math.ceil((size(type) * formats[layout].bytes) / 16) * 16);
}

/** The array's element type for a binding of this width. */
function elementType(layout: Layout, width: Width, write: boolean): string {
  const { bytes } = formats[layout];
  if (!layout.startsWith('packed')) {
    if (width === 16) throw new EmuError('WIDTH', `A binding of ${layout} elements is 1 or 4 wide, got 16.`);
    return width === 4 ? `vec4<${layout}>` : layout;
  }
  if (width === 1) return write ? 'atomic<u32>' : 'u32';
  const words = (bytes * width) / 4;
  return words === 1 ? 'u32' : `vec${words}<u32>`;
}

const unpackWord: Readonly<Partial<Record<Layout, (word: string) => string>>> = {
  'packed-f16': (w) => `unpack2x16float(${w})`,
  'packed-bf16': (w) => `bitcast<vec2<f32>>(vec2<u32>(${w} << 16u, ${w} & 0xffff0000u))`,
  'packed-u16': (w) => `vec2<i32>(vec2<u32>(${w} & 0xffffu, ${w} >> 16u))`,
  'packed-u8': (w) => `vec4<i32>(unpack4xU8(${w}))`,
  'packed-i8': (w) => `unpack4xI8(${w})`,
};

/** One value as the low bits of a word. */
const packOne: Readonly<Partial<Record<Layout, string>>> = {
  'packed-f16': 'pack2x16float(vec2<f32>(value, 0.0))',
  'packed-bf16':
    'select(bitcast<u32>(value) + 0x7fffu + ((bitcast<u32>(value) >> 16u) & 1u), bitcast<u32>(value) | 0x400000u, value != value) >> 16u',
  'packed-u16': 'u32(value) & 0xffffu',
  'packed-u8': 'u32(value) & 0xffu',
  'packed-i8': 'u32(value) & 0xffu',
};

/** The binding and its accessors `load_x`, `load4_x` and, where written, `store_x`, `store4_x`. */
export function accessors(
  name: string,
  layout: Layout,
  width: Width,
  write: boolean,
  binding: number,
): string {
  const { bytes, value } = formats[layout];
  const packed = layout.startsWith('packed');
  const mode = write ? 'read_write' : 'read';
  const lines = [
    `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${elementType(layout, width, write)}>;`,
    `alias ${name}_value = ${value};`,
  ];
  const load = (body: string) => lines.push(`fn load_${name}(i: u32) -> ${value} { ${body} }`);
  const load4 = (body: string) => lines.push(`fn load4_${name}(i: u32) -> vec4<${value}> { ${body} }`);
  const each = (f: (i: number) => string) => [0, 1, 2, 3].map(f).join(', ');
  const load4FromOne = () => load4(`return vec4<${value}>(${each((j) => `load_${name}(4u * i + ${j}u)`)});`);
  if (!packed) {
    if (width === 1) {
      load(`return ${value}(${name}[i]);`);
      load4FromOne();
    } else {
      load(`return ${value}(${name}[i >> 2u][i & 3u]);`);
      load4(`return vec4<${value}>(${name}[i]);`);
    }
    if (write)
      lines.push(
        width === 1
          ? `fn store_${name}(i: u32, value: ${value}) { ${name}[i] = ${layout}(value); }`
          : `fn store_${name}(i: u32, value: ${value}) { ${name}[i >> 2u][i & 3u] = ${layout}(value); }`,
      );
    if (write)
      lines.push(
        width === 1
          ? `fn store4_${name}(i: u32, value: vec4<${value}>) { ${[0, 1, 2, 3].map((j) => `${name}[4u * i + ${j}u] = ${layout}(value[${j}]);`).join(' ')} }`
          : `fn store4_${name}(i: u32, value: vec4<${value}>) { ${name}[i] = vec4<${layout}>(value); }`,
      );
    return `${lines.join('\n')}\n`;
  }
  const per = 4 / bytes;
  const unpack = unpackWord[layout] as (word: string) => string;
  if (width === 1) {
    const word = write ? `atomicLoad(&${name}[i / ${per}u])` : `${name}[i / ${per}u]`;
    load(`let word = ${word}; return ${unpack('word')}[i % ${per}u];`);
    load4FromOne();
    if (write) {
      const bits = 32 / per;
      const mask = `0x${(2 ** bits - 1).toString(16)}u`;
      lines.push(
        `fn store_${name}(i: u32, value: ${value}) { let shift = (i % ${per}u) * ${bits}u; ` +
          `atomicAnd(&${name}[i / ${per}u], ~(${mask} << shift)); ` +
          `atomicOr(&${name}[i / ${per}u], (${packOne[layout]}) << shift); }`,
        `fn store4_${name}(i: u32, value: vec4<${value}>) { ${[0, 1, 2, 3].map((j) => `store_${name}(4u * i + ${j}u, value[${j}]);`).join(' ')} }`,
      );
    }
    return `${lines.join('\n')}\n`;
  }
  if (width === 16) lines.push(`fn words_${name}(i: u32) -> vec4<u32> { return ${name}[i]; }`);
  if (width === 4) {
    const four =
      per === 4
        ? unpack(`${name}[i]`)
        : `vec4<${value}>(${unpack(`${name}[i].x`)}, ${unpack(`${name}[i].y`)})`;
    load4(`return ${four};`);
    load(`return load4_${name}(i >> 2u)[i & 3u];`);
    if (write && layout === 'packed-f16')
      lines.push(
        `fn store4_${name}(i: u32, value: vec4<f32>) { ${name}[i] = vec2<u32>(pack2x16float(value.xy), pack2x16float(value.zw)); }`,
        // For the one invocation that owns all four.
        `fn store_${name}(i: u32, value: f32) { var four = load4_${name}(i >> 2u); four[i & 3u] = value; store4_${name}(i >> 2u, four); }`,
      );
  }
  return `${lines.join('\n')}\n`;
}

/** Accessors of a small operand behind a uniform buffer, whose arrays have elements of sixteen bytes. */
export const uniformAccessors = (name: string, value: ValueType, vectors: number, binding: number): string =>
  `@group(0) @binding(${binding}) var<uniform> ${name}: array<vec4<${value}>, ${vectors}>;\n` +
  `alias ${name}_value = ${value};\n` +
  `fn load_${name}(i: u32) -> ${value} { return ${name}[i >> 2u][i & 3u]; }\n` +
  `fn load4_${name}(i: u32) -> vec4<${value}> { return ${name}[i]; }\n`;

/** Accessors of an operand that is one number everywhere, kept among the parameters. */
export const literalAccessors = (name: string, value: ValueType): string =>
  `alias ${name}_value = ${value};\n` +
  `fn load_${name}(i: u32) -> ${value} { return params.literal_${name}; }\n` +
  `fn load4_${name}(i: u32) -> vec4<${value}> { return vec4<${value}>(params.literal_${name}); }\n`;

/** Accessors of an operand that shares the memory of an output and is read where that output is written. */
export const sharedAccessors = (name: string, output: string, value: ValueType): string =>
  `alias ${name}_value = ${value};\n` +
  `fn load_${name}(i: u32) -> ${value} { return load_${output}(i); }\n` +
  `fn load4_${name}(i: u32) -> vec4<${value}> { return load4_${output}(i); }\n`;

/** Accessors of an optional operand that was not given, or of an output that nobody reads. */
export const absentAccessors = (name: string, value: ValueType): string =>
  `alias ${name}_value = ${value};\n` +
  `fn load_${name}(i: u32) -> ${value} { return ${value}(); }\n` +
  `fn load4_${name}(i: u32) -> vec4<${value}> { return vec4<${value}>(); }\n` +
  `fn words_${name}(i: u32) -> vec4<u32> { return vec4<u32>(); }\n` +
  `fn store_${name}(i: u32, value: ${value}) {}\n` +
  `fn store4_${name}(i: u32, value: vec4<${value}>) {}\n`;
