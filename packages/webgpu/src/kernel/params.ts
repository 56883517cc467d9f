import type { Params, ParamValue } from './kernel.js';

/**
 * `struct Params` and its bytes. Scalars are packed at four bytes; lists become arrays of vec4, because WGSL gives array
 * elements of uniform buffers a stride of sixteen.
 */
interface Field {
  readonly name: string;
  readonly type: ParamValue[0];
  readonly values: readonly number[];
  readonly list: boolean;
  readonly offset: number;
}

const roundUp = (n: number, to: number) => Math.ceil(n / to) * to;

function layout(params: Params): { fields: Field[]; size: number } {
  const fields: Field[] = [];
  let at = 0;
  for (const [name, [type, given]] of Object.entries(params)) {
    const list = typeof given !== 'number';
    const values = list ? given : [given];
    const offset = list ? roundUp(at, 16) : at;
    fields.push({ name, type, values, list, offset });
    at = offset + 4 * (list ? roundUp(values.length, 4) : 1);
  }
  return { fields, size: roundUp(at, 16) };
}

/** The struct, and for every list a function that indexes it: `fn param_shape(i: u32) -> u32`. */
export function paramsText(params: Params): string {
  const { fields } = layout(params);
  const members = fields.map(({ name, type, values, list }) =>
    list ? `  ${name}: array<vec4<${type}>, ${Math.ceil(values.length / 4)}>,` : `  ${name}: ${type},`,
  );
  const lists = fields
    .filter(({ list }) => list)
    .map(
      ({ name, type }) => `fn param_${name}(i: u32) -> ${type} { return params.${name}[i >> 2u][i & 3u]; }\n`,
    );
  return `struct Params {\n${members.join('\n')}\n}\n@group(0) @binding(0) var<uniform> params: Params;\n${lists.join('')}`;
}

export function paramsBytes(params: Params): Uint8Array<ArrayBuffer> {
  const { fields, size } = layout(params);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const put = {
    u32: (at: number, x: number) => view.setUint32(at, x, true),
    i32: (at: number, x: number) => view.setInt32(at, x, true),
    f32: (at: number, x: number) => view.setFloat32(at, x, true),
  };
  for (const { type, values, offset } of fields)
    for (const [i, x] of values.entries()) put[type](offset + 4 * i, x);
  return bytes;
}
