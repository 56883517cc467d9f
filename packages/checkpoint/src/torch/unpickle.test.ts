import { describe, expect, it } from 'vitest';
import { pythonPickles } from '../../test/python-pickles.js';
import { Budget } from '../limits.js';
import { storageRef } from './globals.js';
import { unpickle } from './unpickle.js';
import { type PickleDict, PickleSet, type TensorRef } from './values.js';

const load = (bytes: Uint8Array) =>
  unpickle(bytes, 0, { budget: new Budget('The pickle'), persistent: storageRef });
const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe('pickles written by Python', () => {
  it.each(pythonPickles.map((text, protocol) => [protocol, text]))('protocol %i', (protocol, text) => {
    const bytes = Buffer.from(text as string, 'base64');
    const { value, end } = load(bytes);
    expect(end).toBe(bytes.length);
    const { entries } = value as PickleDict;
    const get = (key: string) => entries.get(key);
    expect(get('step')).toBe(7);
    expect(get('big')).toBe(2n ** 70n);
    expect(get('neg')).toBe(-5);
    expect(get('neg16')).toBe(-70000);
    expect(get('long')).toBe(300);
    expect(get('lr')).toBe(0.125);
    expect(get('name')).toBe('Émü ☃ 𝄞');
    expect(get('on')).toBe(true);
    expect(get('off')).toBe(false);
    expect(get('none')).toBeNull();
    expect(get('bytes')).toEqual(Uint8Array.of(0, 255));
    expect(get('ba')).toEqual(ascii('ab'));
    expect(get('list')).toEqual([1, [2, [3]]]);
    expect(get('tuple4')).toEqual([1, 2, 3, 4]);
    expect(get('e')).toEqual([]);
    expect((get('set') as PickleSet).items).toEqual([1]);
    expect(get('set')).toBeInstanceOf(PickleSet);
    if (protocol === 0) return;
    const module = (get('module') as PickleDict).entries as Map<string, TensorRef>;
    const described = [...module].map(([name, t]) => [
      name,
      t.storage.key,
      t.dtype,
      t.offset,
      t.shape,
      t.strides,
    ]);
    expect(described).toEqual([
      ['layer.weight', '0', 'f32', 0, [2, 3], [3, 1]],
      ['layer.t', '0', 'f32', 0, [3, 2], [1, 3]],
      ['layer.bias', '1', 'f16', 1, [2], [1]],
      ['scalar', '0', 'f32', 5, [], []],
    ]);
  });
});

describe('opcodes', () => {
  const hostile: Record<string, [Uint8Array, string]> = {
    INST: [ascii('(S"id"\nios\nsystem\n.'), 'UNSAFE_PICKLE'],
    OBJ: [ascii('(cos\nsystem\no.'), 'UNSAFE_PICKLE'],
    'OBJ of an allowed class': [ascii('(ccollections\nOrderedDict\no.'), 'UNSAFE_PICKLE'],
    NEWOBJ: [ascii('\x80\x02cos\nsystem\n)\x81.'), 'UNSAFE_PICKLE'],
    NEWOBJ_EX: [ascii('\x80\x04ccollections\nOrderedDict\n)}\x92.'), 'UNSAFE_PICKLE'],
    EXT1: [ascii('\x80\x02\x82\x01.'), 'UNSAFE_PICKLE'],
    PERSID: [ascii('Pstorage\n.'), 'UNSAFE_PICKLE'],
    'a global of two steps': [ascii('\x80\x04\x8c\x02os\x8c\x06system\x93.'), 'UNSAFE_PICKLE'],
    'a global whose name is a number': [ascii('K\x01K\x02\x93.'), 'CORRUPT_CHECKPOINT'],
    'a dotted path': [ascii('ctorch\nSize.__class__\n.'), 'UNSAFE_PICKLE'],
    'an unknown byte': [ascii('\xff.'), 'CORRUPT_CHECKPOINT'],
    'protocol 6': [ascii('\x80\x06N.'), 'CORRUPT_CHECKPOINT'],
    'an empty stack': [ascii('.'), 'CORRUPT_CHECKPOINT'],
    'a pop below a mark': [ascii('N(\x85.'), 'CORRUPT_CHECKPOINT'],
    'a mark that was never set': [ascii('Nt.'), 'CORRUPT_CHECKPOINT'],
    'values left over': [ascii('NN.'), 'CORRUPT_CHECKPOINT'],
    'an unset memo entry': [ascii('h\x05.'), 'CORRUPT_CHECKPOINT'],
    'items for a number': [ascii('K\x01K\x02a.'), 'CORRUPT_CHECKPOINT'],
    'half a pair for a dict': [ascii('}(Nu.'), 'CORRUPT_CHECKPOINT'],
    'an integer of a megabyte': [ascii('\x8b\0\0\x10\0'), 'CORRUPT_CHECKPOINT'],
    'a decimal of a thousand digits': [ascii(`L${'9'.repeat(1000)}L\n.`), 'CORRUPT_CHECKPOINT'],
    'text that is not UTF-8': [ascii('X\x01\0\0\0\xff.'), 'CORRUPT_CHECKPOINT'],
    'text of 2^63 bytes': [ascii('\x8d\xff\xff\xff\xff\xff\xff\xff\x7f'), 'CORRUPT_CHECKPOINT'],
    'a word as integer': [ascii('Iabc\n.'), 'CORRUPT_CHECKPOINT'],
    'a word as float': [ascii('Fabc\n.'), 'CORRUPT_CHECKPOINT'],
    'bytes in another encoding': [
      ascii('c_codecs\nencode\n(X\x01\0\0\0aX\x05\0\0\0utf16tR.'),
      'CORRUPT_CHECKPOINT',
    ],
  };
  it.each(Object.entries(hostile))('refuses %s', (_, [bytes, code]) => {
    expect(() => load(bytes)).toThrow(expect.objectContaining({ name: 'CheckpointError', code }));
  });

  it('reads what only old pickles hold', () => {
    expect(load(ascii("S'abc'\n.")).value).toBe('abc');
    expect(load(ascii('Finf\n.')).value).toBe(Number.POSITIVE_INFINITY);
    expect(load(ascii('F-1e-3\n.')).value).toBe(-0.001);
    expect(load(ascii('(K\x01K\x02l.')).value).toEqual([1, 2]);
    expect((load(ascii('(K\x01K\x02d.')).value as PickleDict).entries.get(1)).toBe(2);
    expect(load(ascii('N(NN1.')).value).toBeNull();
    expect(load(ascii('K\x05N0.')).value).toBe(5);
    expect(load(ascii('U\x02ab.')).value).toBe('ab');
  });
});
