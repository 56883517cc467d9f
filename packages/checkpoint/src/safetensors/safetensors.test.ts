import assert from 'node:assert/strict';
import { byteSize, type DType, type HostTensor, random, sizeOf, viewAs } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { sparse, watched } from '../../test/sources.js';
import { concat, words64 } from '../../test/torch-files.js';
import { encodeSafetensors, openCheckpoint } from '../index.js';

const dtypes: readonly DType[] = [
  'f64',
  'f32',
  'f16',
  'bf16',
  'i64',
  'i32',
  'i8',
  'u32',
  'u16',
  'u8',
  'bool',
];

/** Random bits of any dtype, NaNs and all. */
function noise(dtype: DType, shape: readonly number[], seed: number): HostTensor {
  const bytes = new Uint8Array(
    random(seed).bits(Math.ceil((sizeOf(shape) * byteSize(dtype)) / 4)).buffer as ArrayBuffer,
  );
  const data = viewAs(dtype, bytes.subarray(0, sizeOf(shape) * byteSize(dtype)));
  if (dtype === 'bool') for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) & 1;
  return { dtype, shape, data };
}

const bytesOf = ({ data }: HostTensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const file = (json: string, data = new Uint8Array(0)) => {
  const header = new TextEncoder().encode(json);
  return concat([words64([header.length]), header, data]);
};
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe('safetensors', () => {
  it('gives back every dtype, scalars and empty tensors bit for bit', async () => {
    const tensors = new Map<string, HostTensor>();
    for (const [i, dtype] of dtypes.entries()) {
      tensors.set(`${dtype}.matrix`, noise(dtype, [3, 5], i));
      tensors.set(`${dtype}.scalar`, noise(dtype, [], 100 + i));
      tensors.set(`${dtype}.empty`, noise(dtype, [4, 0, 2], 200 + i));
    }
    tensors.set('__proto__', noise('f32', [2], 7));
    const bytes = encodeSafetensors(tensors, { format: 'pt', 'a "key"\n☃': '𝄞' });
    const checkpoint = await openCheckpoint(bytes);
    expect([...checkpoint.entries.keys()].sort()).toEqual([...tensors.keys()].sort());
    expect(Object.fromEntries(checkpoint.metadata)).toEqual({ format: 'pt', 'a "key"\n☃': '𝄞' });
    for (const [name, wanted] of tensors) {
      const got = await checkpoint.read(name);
      expect(got.dtype).toBe(wanted.dtype);
      expect(got.shape).toEqual(wanted.shape);
      expect(bytesOf(got)).toEqual(bytesOf(wanted));
    }
  });

  it('aligns the data of every tensor to its element size', async () => {
    const tensors = Object.fromEntries(dtypes.map((dtype, i) => [dtype, noise(dtype, [2 * i + 1], i)]));
    const bytes = encodeSafetensors(tensors);
    const source = watched(bytes);
    const checkpoint = await openCheckpoint(source);
    for (const dtype of dtypes) {
      await checkpoint.read(dtype);
      expect(source.reads.at(-1)!.offset % byteSize(dtype), dtype).toBe(0);
    }
  });

  it('reads the header when opened, and exactly the bytes of a tensor when asked', async () => {
    const tensors = { a: noise('f32', [1000], 1), b: noise('bf16', [7], 2), c: noise('i64', [500], 3) };
    const bytes = encodeSafetensors(tensors);
    const source = watched(bytes);
    const checkpoint = await openCheckpoint(source);
    const data = bytes.length - (4000 + 14 + 4000);
    expect(Math.max(...source.reads.map(({ offset, length }) => offset + length))).toBeLessThanOrEqual(data);
    source.reads.length = 0;
    await checkpoint.read('b');
    expect(source.reads).toEqual([{ offset: data + 8000, length: 14 }]);
  });

  it('gives memory of its own: changing a tensor changes neither the bytes nor the next read', async () => {
    const bytes = encodeSafetensors({ a: noise('u8', [4], 1) });
    const before = bytes.slice();
    const checkpoint = await openCheckpoint(bytes);
    (await checkpoint.read('a')).data.fill(0 as never);
    expect(bytes).toEqual(before);
    expect(bytesOf(await checkpoint.read('a'))).toEqual(before.subarray(-4));
  });

  it('takes a Node Buffer for the bytes it is, at any alignment', async () => {
    const bytes = encodeSafetensors({ a: noise('f64', [3], 1) });
    const buffer = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    const lent = { ...watched(bytes), read: async (at: number, n: number) => buffer.subarray(at, at + n) };
    for (const source of [buffer, lent]) {
      const checkpoint = await openCheckpoint(source);
      expect(bytesOf(await checkpoint.read('a'))).toEqual(bytes.slice(-24));
    }
    (await (await openCheckpoint(buffer)).read('a')).data.fill(0 as never);
    expect(Uint8Array.from(buffer)).toEqual(bytes);
  });

  it('reads beyond four gigabytes', async () => {
    const far = 5 * 2 ** 30;
    const json = `{"far":${entry('U16', '[2]', `[${far},${far + 4}]`)},"zeros":${entry('U8', `[${far}]`, `[0,${far}]`)}}`;
    const head = file(json);
    const source = sparse(head.length + far + 4, [
      [0, head],
      [head.length + far, Uint8Array.of(1, 2, 3, 4)],
    ]);
    const checkpoint = await openCheckpoint(source);
    expect([...(await checkpoint.read('far')).data]).toEqual([0x201, 0x403]);
  });

  it('reads what the specification allows: spaces, escapes, any order of the fields', async () => {
    const json = ` { "b\\u0041" :\t{"shape":[1], "data_offsets":[0 ,1],\n"dtype":"U8"} , "__metadata__":{} }  `;
    const checkpoint = await openCheckpoint(file(json.slice(1), Uint8Array.of(9)));
    expect([...(await checkpoint.read('bA')).data]).toEqual([9]);
  });

  const one = (described: string) => `{"a":${described}}`;
  const hostile: Record<string, [json: string, dataBytes: number, message: RegExp]> = {
    'a hole': [`{"a":${entry('U8', '[1]', '[0,1]')},"b":${entry('U8', '[1]', '[2,3]')}}`, 3, /hole/],
    'a hole at the start': [one(entry('U8', '[1]', '[1,2]')), 2, /hole/],
    'an overlap': [`{"a":${entry('U8', '[2]', '[0,2]')},"b":${entry('U8', '[2]', '[1,3]')}}`, 3, /overlaps/],
    'the same range twice': [
      `{"a":${entry('U8', '[2]', '[0,2]')},"b":${entry('U8', '[2]', '[0,2]')}}`,
      2,
      /overlaps/,
    ],
    'bytes left over': [one(entry('U8', '[1]', '[0,1]')), 2, /has 2 bytes of data/],
    'missing bytes': [one(entry('U8', '[4]', '[0,4]')), 3, /has 3 bytes of data/],
    'a range that does not fit the shape': [one(entry('F32', '[2]', '[0,4]')), 4, /takes 8 bytes/],
    'a range backwards': [one(entry('U8', '[1]', '[1,0]')), 1, /data_offsets/],
    'a negative offset': [one(entry('U8', '[1]', '[-1,0]')), 1, /data_offsets/],
    'a fractional offset': [one(entry('U8', '[1]', '[0.5,1.5]')), 1, /data_offsets/],
    'three offsets': [one(entry('U8', '[1]', '[0,1,1]')), 1, /data_offsets/],
    'a negative dimension': [one(entry('U8', '[-1,-1]', '[0,1]')), 1, /dimensions/],
    'dimensions beyond counting': [one(entry('U8', '[4294967296,4294967296,0]', '[0,0]')), 0, /dimensions/],
    'a dimension beyond 2^53': [one(entry('U8', '[99999999999999999999]', '[0,1]')), 1, /dimensions/],
    'a shape that is no list': [one(entry('U8', '3', '[0,3]')), 3, /dimensions/],
    'an unknown dtype': [one(entry('I16', '[1]', '[0,2]')), 2, /"I16"/],
    'a tensor described by a list': ['{"a":[]}', 0, /JSON object/],
    'a missing field': ['{"a":{"dtype":"U8","shape":[]}}', 0, /exactly dtype/],
    'a field too many': ['{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}', 1, /exactly dtype/],
    'a name twice': [
      `{"a":${entry('U8', '[0]', '[0,0]')},"a":${entry('U8', '[0]', '[0,0]')}}`,
      0,
      /"a" twice/,
    ],
    'a name twice, once escaped': [`{"a":${entry('U8', '[0]', '[0,0]')},"\\u0061":1}`, 0, /"a" twice/],
    'a field twice': ['{"a":{"dtype":"U8","dtype":"U8","shape":[]}}', 0, /"dtype" twice/],
    'metadata that is no text': ['{"__metadata__":{"a":1}}', 0, /strings to strings/],
    'metadata that is a list': ['{"__metadata__":[]}', 0, /strings to strings/],
    'a trailing comma': ['{"a":[],}', 0, /JSON/],
    'text after the object': ['{} {}', 0, /JSON/],
    'a NUL after the object': ['{}\0', 0, /JSON/],
    'an object that never ends': ['{"a":{', 0, /JSON/],
    'a string that never ends': ['{"a\\"', 0, /JSON/],
    'a control character in a string': ['{"a\n":1}', 0, /invalid string/],
    'a number with a leading zero': ['{"a":012}', 0, /JSON/],
    'no JSON': ['{nope}', 0, /JSON/],
    'deep nesting': [`{"a":${'['.repeat(5000)}`, 0, /nested/],
  };
  for (const [what, [json, dataBytes, message]] of Object.entries(hostile)) {
    it(`refuses ${what}`, async () => {
      await expect(openCheckpoint(file(json, new Uint8Array(dataBytes)))).rejects.toThrow(message);
      await expect(openCheckpoint(file(json, new Uint8Array(dataBytes)))).rejects.toMatchObject({
        name: 'CheckpointError',
        code: what === 'an unknown dtype' ? 'UNSUPPORTED_CHECKPOINT' : 'CORRUPT_CHECKPOINT',
      });
    });
  }

  it('refuses names that are not UTF-8', async () => {
    const bytes = file('{"a?":1}');
    bytes[11] = 0xff;
    await expect(openCheckpoint(bytes)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
  });

  it('believes no header length that the file cannot hold, and allocates nothing for it', async () => {
    for (const length of [100, 2 ** 31, 2 ** 52, -1]) {
      const bytes = concat([words64([length]), new TextEncoder().encode('{}')]);
      const source = watched(bytes);
      await expect(openCheckpoint(source)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
      expect(Math.max(...source.reads.map((read) => read.length))).toBeLessThanOrEqual(bytes.length);
    }
  });

  it('stops a header that makes few bytes grow into many objects', async () => {
    const bomb = file(`{"a":[${'[],'.repeat(2_000_000)}[]]}`);
    await expect(openCheckpoint(bomb)).rejects.toMatchObject({ code: 'CHECKPOINT_TOO_LARGE' });
  });

  it('names what is there when a tensor is not', async () => {
    const checkpoint = await openCheckpoint(
      encodeSafetensors({ 'x.norm.weight': noise('u8', [1], 1), b: noise('u8', [1], 1) }),
    );
    await expect(checkpoint.read('y.norm.weight')).rejects.toThrow(
      /No tensor is named "y.norm.weight"; the checkpoint has 2, among them "x.norm.weight"/,
    );
  });

  it('reads nothing after close, and closes a source it was lent never', async () => {
    const source = watched(encodeSafetensors({ a: noise('u8', [1], 1) }));
    const checkpoint = await openCheckpoint(source);
    await checkpoint.close();
    await checkpoint[Symbol.asyncDispose]();
    await expect(checkpoint.read('a')).rejects.toMatchObject({ code: 'CHECKPOINT_CLOSED' });
    assert.equal(source.closed, 0);
  });

  it('does not write what it could not read', () => {
    const tensor = noise('f32', [2], 1);
    expect(() => encodeSafetensors({ __metadata__: tensor })).toThrow(/keeps that name/);
    expect(() => encodeSafetensors({ a: { ...tensor, shape: [3] } })).toThrow(/announced as f32 \[3\]/);
  });
});
