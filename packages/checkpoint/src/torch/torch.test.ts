import { convert, f32ToBf16, f32ToF16, type HostTensor, sizeOf } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { Global, List, Persistent, Raw, Reduce, type Value, WithState } from '../../test/pickle-writer.js';
import { sparse, watched } from '../../test/sources.js';
import {
  concat,
  persistent,
  type Stored,
  stored,
  type TorchFileOptions,
  tensor,
  torchLegacy,
  torchZip,
  words16,
  words32,
  words64,
} from '../../test/torch-files.js';
import { openCheckpoint } from '../index.js';

const f32 = (key: string, length: number, first = 0) =>
  stored(
    key,
    'FloatStorage',
    Float32Array.from({ length }, (_, i) => first + i),
  );
const dict = (entries: Record<string, Value>) => new Map<Value, Value>(Object.entries(entries));
const values = async (file: Uint8Array, name: string) => Array.from(await read(file, name), Number);
const read = async (file: Uint8Array, name: string) => (await (await openCheckpoint(file)).read(name)).data;

type Write = (root: Value, storages: readonly Stored[], options?: TorchFileOptions) => Uint8Array;
const formats: readonly [string, Write][] = [
  ['torch-zip', torchZip],
  ['torch-legacy', torchLegacy],
];

describe.each(formats)('%s', (format, write) => {
  it('reads every element type bit for bit', async () => {
    const numbers = [0, -0, 1, -1.5, 65504, 1e-7, Number.NaN, Number.POSITIVE_INFINITY];
    const storages = {
      f64: stored('f64', 'DoubleStorage', Float64Array.from(numbers)),
      f32: stored('f32', 'FloatStorage', Float32Array.from(numbers)),
      f16: stored('f16', 'HalfStorage', Uint16Array.from(numbers, f32ToF16)),
      bf16: stored('bf16', 'BFloat16Storage', Uint16Array.from(numbers, f32ToBf16)),
      i64: stored('i64', 'LongStorage', BigInt64Array.of(0n, -1n, 2n ** 62n, -(2n ** 63n))),
      i32: stored('i32', 'IntStorage', Int32Array.of(0, -1, 2 ** 31 - 1, -(2 ** 31))),
      i8: stored('i8', 'CharStorage', Int8Array.of(0, -1, 127, -128)),
      u8: stored('u8', 'ByteStorage', Uint8Array.of(0, 1, 128, 255)),
      bool: stored('bool', 'BoolStorage', Uint8Array.of(0, 1, 1, 0)),
    };
    const root = dict(
      Object.fromEntries(Object.entries(storages).map(([name, s]) => [name, tensor(s, [s.length])])),
    );
    const checkpoint = await openCheckpoint(write(root, Object.values(storages)));
    expect(checkpoint.format).toBe(format);
    for (const [name, { bytes, length }] of Object.entries(storages)) {
      const got = await checkpoint.read(name);
      expect(got.dtype).toBe(name);
      expect(got.shape).toEqual([length]);
      expect(new Uint8Array(got.data.buffer, got.data.byteOffset, got.data.byteLength)).toEqual(bytes);
    }
  });

  it('reads views: offsets, transposes, slices, expanded and scalar ones, sharing one storage', async () => {
    const s = f32('0', 24);
    const views: Record<string, [shape: number[], offset: number, strides: number[]]> = {
      whole: [[2, 3, 4], 0, [12, 4, 1]],
      shifted: [[5], 7, [1]],
      transposed: [[4, 6], 0, [1, 4]],
      permuted: [[4, 2, 3], 0, [1, 12, 4]],
      channelsLast: [[2, 3, 2, 2], 0, [12, 1, 6, 3]],
      everyOther: [[3, 2], 1, [8, 2]],
      expanded: [[3, 4], 2, [0, 1]],
      expandedInside: [[4, 3], 2, [1, 0]],
      overlapping: [[5, 3], 4, [1, 1]],
      unitAxes: [[1, 6, 1], 3, [99, 1, 77]],
      scalar: [[], 23, []],
      empty: [[0, 3], 5, [3, 1]],
    };
    const root = dict(
      Object.fromEntries(
        Object.entries(views).map(([k, [shape, offset, strides]]) => [
          k,
          tensor(s, shape, { offset, strides }),
        ]),
      ),
    );
    const checkpoint = await openCheckpoint(write(root, [s]));
    for (const [name, [shape, offset, strides]] of Object.entries(views)) {
      const wanted = Array.from({ length: sizeOf(shape) }, (_, n) => {
        let at = offset;
        for (let axis = shape.length - 1, rest = n; axis >= 0; rest = Math.floor(rest / shape[axis--])) {
          at += (rest % shape[axis]) * strides[axis];
        }
        return at;
      });
      const got = await checkpoint.read(name);
      expect(got.shape, name).toEqual(shape);
      expect([...got.data], name).toEqual(wanted);
    }
  });

  it('touches the bytes of the tensor that is read, and no others', async () => {
    const a = f32('a', 5000);
    const b = f32('b', 3000);
    const root = dict({
      a: tensor(a, [50, 100]),
      part: tensor(a, [10], { offset: 100 }),
      b: tensor(b, [3000]),
    });
    const source = watched(write(root, [a, b]));
    const checkpoint = await openCheckpoint(source);
    const verify = format === 'torch-zip' ? 30 : 8;
    source.reads.length = 0;
    await checkpoint.read('b');
    expect(source.reads.map(({ length }) => length)).toEqual([verify, 12_000]);
    source.reads.length = 0;
    await checkpoint.read('b');
    await checkpoint.read('part');
    expect(source.reads.map(({ length }) => length)).toEqual([12_000, verify, 40]);
  });

  it('takes off wrappers, flattens dictionaries of tensors, keeps the rest as metadata', async () => {
    const s = f32('0', 4);
    const t = () => tensor(s, [4]);
    const root = dict({
      module: dict({
        'a.w': t(),
        b: dict({ c: t(), d: dict({ '0': t() }) }),
        epoch: 3,
        mixed: dict({ t: t(), n: 1 }),
      }),
      ds_version: '0.9.1',
      lr: 0.5,
      betas: [0.9, 0.95],
      names: new List(['x', null, true]),
      big: 2n ** 70n,
      optimizer: dict({ state: dict({ m: t() }), step: 5 }),
    });
    const checkpoint = await openCheckpoint(write(root, [s]));
    expect([...checkpoint.entries.keys()]).toEqual(['a.w', 'b.c', 'b.d.0']);
    expect(Object.fromEntries(checkpoint.metadata)).toEqual({
      ds_version: '0.9.1',
      lr: '0.5',
      betas: '[0.9,0.95]',
      names: '["x",null,true]',
      big: `"${2n ** 70n}"`,
      epoch: '3',
    });
    expect(checkpoint.notes.map(({ kind, name }) => [kind, name])).toEqual([
      ['unwrapped', 'module'],
      ['ignored', 'optimizer'],
      ['ignored', 'mixed'],
    ]);
  });

  it('takes off wrappers in wrappers, and leaves a tensor that is merely named so', async () => {
    const s = f32('0', 2);
    const nested = write(dict({ state_dict: dict({ model: dict({ w: tensor(s, [2]) }) }) }), [s]);
    expect([...(await openCheckpoint(nested)).entries.keys()]).toEqual(['w']);
    const named = write(dict({ model: tensor(s, [2]), module: dict({ w: tensor(s, [1]) }) }), [s]);
    expect([...(await openCheckpoint(named)).entries.keys()]).toEqual(['model', 'module.w']);
  });

  it('reads parameters, OrderedDicts with attributes, and pickle protocols 1 to 4', async () => {
    const s = f32('0', 4);
    const ordered = new Reduce(new Global('collections', 'OrderedDict'), [
      new List([
        ['w', new Reduce(new Global('torch._utils', '_rebuild_parameter'), [tensor(s, [4]), true, null])],
      ]),
    ]);
    const root = new WithState(ordered, dict({ _metadata: dict({ '': dict({ version: 1 }) }) }));
    for (const protocol of [1, 2, 3, 4]) {
      const file = write(root, [s], { protocol });
      expect(await values(file, 'w'), `protocol ${protocol}`).toEqual([0, 1, 2, 3]);
      expect((await openCheckpoint(file)).notes).toMatchObject([{ kind: 'ignored', name: '_metadata' }]);
    }
  });

  const hostile: Record<string, [Value, RegExp]> = {
    'a call of os.system': [
      new Reduce(new Global('os', 'system'), ['touch /tmp/owned']),
      /"system" of module "os"/,
    ],
    'posix.system': [new Reduce(new Global('posix', 'system'), ['id']), /"system" of module "posix"/],
    'builtins.eval': [new Reduce(new Global('builtins', 'eval'), ['1']), /"eval" of module "builtins"/],
    'eval of Python 2': [
      new Reduce(new Global('__builtin__', 'eval'), ['1']),
      /"eval" of module "__builtin__"/,
    ],
    'a mere mention of a function': [new Global('os', 'system'), /"system" of module "os"/],
    'a class of torch': [new Global('torch.nn.modules.linear', 'Linear'), /"Linear" of module/],
    'names of the allow-list': [new Global('torch._utils', 'constructor'), /"constructor"/],
    'a storage class as function': [
      new Reduce(new Global('torch', 'FloatStorage'), [10 ** 9]),
      /call "torch.FloatStorage"/,
    ],
    'a number as function': [new Reduce(7, []), /not a function/],
    'a state for a tensor': [new WithState(tensor(f32('0', 1), [1]), dict({ x: 1 })), /not a dictionary/],
  };
  for (const [what, [value, message]] of Object.entries(hostile)) {
    it(`refuses ${what}, in any protocol`, async () => {
      for (const protocol of [1, 2, 4]) {
        const file = write(dict({ w: value }), [f32('0', 1)], { protocol });
        await expect(openCheckpoint(file)).rejects.toMatchObject({ code: 'UNSAFE_PICKLE' });
        await expect(openCheckpoint(file)).rejects.toThrow(message);
      }
    });
  }

  const s = f32('0', 6);
  const broken: Record<string, [Value, RegExp]> = {
    'a view beyond its storage': [tensor(s, [7]), /reaches element 6/],
    'an offset beyond its storage': [tensor(s, [1], { offset: 6 }), /reaches element 6/],
    'strides beyond its storage': [tensor(s, [2, 2], { strides: [5, 2] }), /reaches element 7/],
    'a negative stride': [tensor(s, [2], { offset: 3, strides: [-1] }), /do not fit/],
    'a negative offset': [tensor(s, [1], { offset: -1 }), /do not fit/],
    'strides of another rank': [tensor(s, [2, 2], { strides: [1] }), /do not fit/],
    'a shape beyond counting': [tensor(s, [2 ** 30, 2 ** 30], { strides: [0, 0] }), /invalid shape/],
    'a tensor without storage': [
      new Reduce(new Global('torch._utils', '_rebuild_tensor_v2'), [1, 0, [1], [1]]),
      /no storage/,
    ],
    'a storage that is not there': [tensor({ ...s, key: 'elsewhere' }, [1]), /not hold|no tensor uses/],
    'a persistent id of another kind': [new Persistent(['module', 'x']), /tensor storage/],
    'a storage of 2^60 elements': [tensor({ ...s, length: 2 ** 60 }, [1]), /elements|bytes|length/],
    'a dictionary key that is no name': [new Map<Value, Value>([[null, 1]]), /key that is neither/],
  };
  for (const [what, [value, message]] of Object.entries(broken)) {
    it(`refuses ${what}`, async () => {
      const file = write(dict({ w: value, ok: tensor(s, [6]) }), [s]);
      await expect(openCheckpoint(file)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
      await expect(openCheckpoint(file)).rejects.toThrow(message);
    });
  }

  it('refuses element types that have no host dtype, by name', async () => {
    const short = stored('0', 'ShortStorage', Int16Array.of(1, 2));
    await expect(openCheckpoint(write(dict({ w: tensor(short, [2]) }), [short]))).rejects.toMatchObject({
      code: 'UNSUPPORTED_CHECKPOINT',
      message: expect.stringContaining('ShortStorage'),
    });
  });

  it('refuses a file without a dictionary of tensors', async () => {
    await expect(openCheckpoint(write(tensor(s, [6]), [s]))).rejects.toMatchObject({
      code: 'UNKNOWN_FORMAT',
    });
    await expect(openCheckpoint(write([1, 2], []))).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
  });

  it('does not expand one element into gigabytes', async () => {
    const root = dict({
      bomb: tensor(s, [2 ** 20, 2 ** 12], { strides: [0, 0] }),
      fair: tensor(s, [1000, 6], { strides: [0, 1] }),
    });
    const checkpoint = await openCheckpoint(write(root, [s]));
    await expect(checkpoint.read('bomb')).rejects.toMatchObject({ code: 'CHECKPOINT_TOO_LARGE' });
    expect((await checkpoint.read('fair')).data.length).toBe(6000);
  });

  it('stops pickles that make few bytes grow: containers, calls on long strings, nesting', async () => {
    const many = new List([new Raw(new Uint8Array(900_000).fill(0x29))]); // EMPTY_TUPLE
    const long = 'x'.repeat(1_000_000);
    const encode = () => new Reduce(new Global('_codecs', 'encode'), [long, 'latin1']);
    const copies = new List(Array.from({ length: 100 }, encode));
    let deep: Value = [];
    for (let i = 0; i < 2000; i++) deep = [deep];
    for (const [value, code] of [
      [many, 'CHECKPOINT_TOO_LARGE'],
      [copies, 'CHECKPOINT_TOO_LARGE'],
      [deep, 'CORRUPT_CHECKPOINT'],
    ] as const) {
      await expect(openCheckpoint(write(dict({ value, w: tensor(s, [6]) }), [s]))).rejects.toMatchObject({
        code,
      });
    }
  });

  it('walks values that are shared a thousandfold once', async () => {
    let lists: Value = 1;
    for (let i = 0; i < 40; i++) lists = new Reduce(new Global('torch', 'Size'), [[lists, lists]]);
    let dicts: Value = dict({ t: tensor(s, [6]) });
    for (let i = 0; i < 12; i++)
      dicts = new Reduce(new Global('collections', 'OrderedDict'), [
        [
          ['a', dicts],
          ['b', dicts],
        ],
      ]);
    const checkpoint = await openCheckpoint(write(dict({ lists, w: tensor(s, [6]), dicts }), [s]));
    expect(checkpoint.notes).toMatchObject([
      { kind: 'ignored', name: 'lists', detail: 'too large to keep as metadata' },
    ]);
    expect(checkpoint.entries.size).toBe(1 + 2 ** 12);
  });
});

describe('torch-zip', () => {
  const s = f32('0', 6);
  const root = dict({ w: tensor(s, [6]) });

  it('reads the byte order record', async () => {
    expect(await values(torchZip(root, [s], { extra: { byteorder: 'little' } }), 'w')).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
    await expect(openCheckpoint(torchZip(root, [s], { extra: { byteorder: 'big' } }))).rejects.toMatchObject({
      code: 'UNSUPPORTED_CHECKPOINT',
      message: expect.stringMatching(/"big"-endian/),
    });
  });

  it('reads a storage whose bytes contradict its type by size, and refuses it when told to', async () => {
    const data = Float32Array.of(1.25, -3, 0.5);
    const lying = { ...stored('0', 'BFloat16Storage', data), length: 3 };
    const file = torchZip(dict({ w: tensor(lying, [3]) }), [lying]);
    await expect(openCheckpoint(file, { retypeBySize: false })).rejects.toMatchObject({
      code: 'CORRUPT_CHECKPOINT',
      message: expect.stringMatching(
        /3 elements of bf16 \(6 bytes\), but stored with 12 bytes.*retypeBySize/,
      ),
    });
    const checkpoint = await openCheckpoint(file);
    expect(checkpoint.entries.get('w')).toEqual({ dtype: 'f32', shape: [3], byteLength: 12 });
    expect(await checkpoint.read('w')).toEqual({ dtype: 'f32', shape: [3], data });
    expect(checkpoint.notes).toMatchObject([{ kind: 'retyped', name: 'w' }]);
  });

  it('retypes nothing when sizes agree, and guesses no type that the size leaves open', async () => {
    const honest = stored('0', 'BFloat16Storage', Uint16Array.of(1, 2));
    const same = await openCheckpoint(torchZip(dict({ w: tensor(honest, [2]) }), [honest]));
    expect(same.entries.get('w')!.dtype).toBe('bf16');
    expect(same.notes).toEqual([]);
    for (const [type, data, length] of [
      ['FloatStorage', Uint16Array.of(1, 2), 2], // f16 or bf16?
      ['LongStorage', Int32Array.of(1, 2), 2],
      ['FloatStorage', Uint8Array.of(1, 2, 3), 2],
    ] as const) {
      const lying = { ...stored('0', type, data), length };
      const file = torchZip(dict({ w: tensor(lying, [2]) }), [lying]);
      await expect(openCheckpoint(file)).rejects.toMatchObject({
        code: 'CORRUPT_CHECKPOINT',
      });
    }
  });

  it('reads tensors of untyped storages by their own dtype', async () => {
    const untyped = stored('0', 'UntypedStorage', new Uint8Array(Uint32Array.of(1, 2, 3).buffer));
    const v3 = (dtype: string, shape: number[], offset = 0) =>
      new Reduce(new Global('torch._utils', '_rebuild_tensor_v3'), [
        persistent(untyped),
        offset,
        shape,
        shape.map(() => 1),
        false,
        null,
        new Global('torch', dtype),
      ]);
    const file = torchZip(dict({ a: v3('uint32', [2], 1), b: v3('uint16', [2], 4) }), [untyped]);
    expect(await values(file, 'a')).toEqual([2, 3]);
    expect(await values(file, 'b')).toEqual([3, 0]);
    await expect(openCheckpoint(torchZip(dict({ a: v3('uint32', [4]) }), [untyped]))).rejects.toThrow(
      /reaches element 3/,
    );
    await expect(openCheckpoint(torchZip(dict({ a: v3('int16', [1]) }), [untyped]))).rejects.toThrow(
      /torch.int16/,
    );
  });

  it('gathers a matrix larger than its window, and refuses overlaps of that size', async () => {
    const rows = 3000;
    const columns = 2000; // 24 MB of f32: more than one window
    const big = f32('0', rows * columns);
    const file = torchZip(
      dict({
        transposed: tensor(big, [columns, rows], { strides: [1, columns] }),
        overlapping: tensor(big, [5_000_000, 2], { strides: [1, 1] }),
      }),
      [big],
    );
    const source = watched(file);
    const checkpoint = await openCheckpoint(source);
    source.reads.length = 0;
    const { data } = (await checkpoint.read('transposed')) as HostTensor<'f32'>;
    let wrong = 0;
    for (let c = 0; c < columns; c++) {
      for (let r = 0; r < rows; r++) if (data[c * rows + r] !== Math.fround(r * columns + c)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBe(30 + 4 * rows * columns);
    expect(Math.max(...source.reads.map(({ length }) => length))).toBeLessThanOrEqual(2 ** 24);
    await expect(checkpoint.read('overlapping')).rejects.toMatchObject({ code: 'UNSUPPORTED_CHECKPOINT' });
  });

  it('reads zip64 files beyond four gigabytes', async () => {
    const far = 6 * 2 ** 30;
    const name = new TextEncoder().encode('archive/data/0');
    const small = torchZip(root, []);
    const local = concat([
      words32([0x04034b50]),
      words16([45, 0, 0, 0, 0]),
      words32([0, 24, 24]),
      words16([name.length, 0]),
      name,
    ]);
    const oldDirectory = new DataView(small.buffer).getUint32(small.length - 6, true);
    const central = concat([
      small.slice(oldDirectory, small.length - 22),
      words32([0x02014b50]),
      words16([45, 45, 0, 0, 0, 0]),
      words32([0, 24, 24]),
      words16([name.length, 12, 0, 0, 0]),
      words32([0, 0xffffffff]),
      name,
      words16([1, 8]),
      words64([far]),
    ]);
    const directory = far + local.length + 24;
    const end = concat([
      words32([0x06064b50]),
      words64([44]),
      words16([45, 45]),
      words32([0, 0]),
      words64([3, 3, central.length, directory]),
      words32([0x07064b50, 0]),
      words64([directory + central.length]),
      words32([1, 0x06054b50]),
      words16([0, 0, 3, 3]),
      words32([central.length, 0xffffffff]),
      words16([0]),
    ]);
    const source = sparse(directory + central.length + end.length, [
      [0, small.slice(0, oldDirectory)],
      [far, concat([local, s.bytes])],
      [directory, concat([central, end])],
    ]);
    const checkpoint = await openCheckpoint(source);
    expect([...(await checkpoint.read('w')).data]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('refuses compressed, encrypted, doubled and foreign archives by what they are', async () => {
    const { zip } = await import('../../test/torch-files.js');
    const { pickle } = await import('../../test/pickle-writer.js');
    const pkl = { name: 'a/data.pkl', bytes: pickle(root) };
    const cases: [Parameters<typeof zip>[0], string, RegExp][] = [
      [[{ ...pkl, method: 8 }], 'UNSUPPORTED_CHECKPOINT', /compressed/],
      [[{ ...pkl, flags: 1 }], 'UNSUPPORTED_CHECKPOINT', /encrypted/],
      [[pkl, pkl], 'CORRUPT_CHECKPOINT', /two entries named "a\/data.pkl"/],
      [[pkl, { ...pkl, name: 'b/data.pkl' }], 'UNKNOWN_FORMAT', /this zip file has 2/],
      [[{ name: 'word/document.xml', bytes: pkl.bytes }], 'UNKNOWN_FORMAT', /holds "word\/document.xml"/],
      [[pkl], 'CORRUPT_CHECKPOINT', /which the file does not hold/],
      [[{ ...pkl, bytes: pkl.bytes.slice(0, -1) }], 'CORRUPT_CHECKPOINT', /before its STOP/],
    ];
    for (const [files, code, message] of cases) {
      await expect(openCheckpoint(zip(files))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });
});

describe('torch-legacy', () => {
  const s = f32('root', 10);

  it('reads views of storages, as old versions wrote them', async () => {
    const view = persistent(s, ['view-key', 3, 4]);
    const file = torchLegacy(
      dict({ w: tensor(view, [3], { offset: 1 }), all: tensor(persistent(s, null), [10]) }),
      [s],
    );
    expect(await values(file, 'w')).toEqual([4, 5, 6]);
    const beyond = torchLegacy(dict({ w: tensor(persistent(s, ['view-key', 3, 4]), [5]) }), [s]);
    await expect(openCheckpoint(beyond)).rejects.toThrow(/reaches element 4/);
  });

  it('refuses big-endian files, other formats, and other pickles', async () => {
    const root = dict({ w: tensor(s, [10]) });
    await expect(openCheckpoint(torchLegacy(root, [s], { littleEndian: false }))).rejects.toThrow(
      /big-endian/,
    );
    const { pickle } = await import('../../test/pickle-writer.js');
    await expect(openCheckpoint(pickle(dict({ w: 1 })))).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
    await expect(openCheckpoint(torchLegacy(root, [s]).slice(0, -1))).rejects.toThrow(/storages end at byte/);
  });

  it('checks the length that stands before each storage', async () => {
    const file = torchLegacy(dict({ w: tensor(s, [10]) }), [s]);
    file[file.length - 48] = 9;
    await expect(read(file, 'w')).rejects.toThrow(/has 9 elements, the pickle says 10/);
  });

  it('finds pickles of any length by reading on', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `${'layer.'.repeat(20)}${i}.weight`);
    const root = new Map<Value, Value>(names.map((name, i) => [name, tensor(s, [1], { offset: i % 10 })]));
    const source = watched(torchLegacy(root, [s]));
    const checkpoint = await openCheckpoint(source);
    expect(checkpoint.entries.size).toBe(3000);
    expect([...(await checkpoint.read(names[1237])).data]).toEqual([7]);
    expect(source.size).toBeGreaterThan(400_000);
  });
});

it('converts what it reads', async () => {
  const s = stored('0', 'BFloat16Storage', Uint16Array.from([1, -2.5], f32ToBf16));
  const checkpoint = await openCheckpoint(torchZip(dict({ w: tensor(s, [2]) }), [s]));
  expect([...convert(await checkpoint.read('w'), 'f32').data]).toEqual([1, -2.5]);
});
