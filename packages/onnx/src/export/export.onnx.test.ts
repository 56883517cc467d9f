import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { convert, type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import {
  add,
  concat,
  constant,
  type DeviceTensor,
  type Graph,
  graphOf,
  input,
  interpret,
  iota,
  less,
  matmul,
  mean,
  mul,
  pad,
  reshape,
  slice,
  sum,
  tensorType,
  transpose,
  type Value,
  where,
} from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import { expectClose, randomInputs } from '@emu-ts/testing';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportOnnx, nativeLowerings, onnxModel } from '../index.js';
import { ModelProtoSchema } from '../proto/onnx_pb.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
let folder: string;
const file = (name: string) => path.join(folder, name);
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'emu-onnx-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a file on bare ONNX Runtime, with nothing of ours in between. */
async function runFile(where: string | Uint8Array, inputs: Readonly<Record<string, HostTensor>>) {
  const session = await (typeof where === 'string'
    ? ort.InferenceSession.create(where)
    : ort.InferenceSession.create(where));
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const { dtype, shape, data } = inputs[name];
      return [name, new ort.Tensor(dtype === 'i32' ? 'int32' : 'float32', data as never, shape)];
    }),
  );
  const results = await session.run(feeds);
  const names = { inputs: session.inputMetadata, outputs: session.outputMetadata };
  await session.release();
  const outputs = Object.entries(results).map(([name, { dims, data }]) => [
    name,
    { dtype: 'f32', shape: dims, data: data as Float32Array } satisfies HostTensor,
  ]);
  return { names, outputs: Object.fromEntries(outputs) as Record<string, HostTensor> };
}

const split = (graph: Graph, weights: readonly string[]) => {
  const tensors = randomInputs(graph.inputs);
  return { tensors, weights: Object.fromEntries(weights.map((name) => [name, tensors[name]])) };
};

const mlp = () => {
  const x = input('x', f32(3, 4));
  const hidden = nn.gelu(
    nn.linearOp({ x, weight: input('up.weight', f32(9, 4)), bias: input('up.bias', f32(9)) }, {}).y,
  );
  return graphOf({ y: nn.linearOp({ x: hidden, weight: input('down.weight', f32(2, 9)) }, {}).y });
};
const mlpWeights = ['up.weight', 'up.bias', 'down.weight'];

describe('a graph as it is', () => {
  it('becomes a file that ONNX Runtime runs', async () => {
    const graph = mlp();
    const { tensors, weights } = split(graph, mlpWeights);
    const exported = await exportOnnx(
      { graph },
      { weights, path: file('mlp.onnx'), name: 'mlp', metadata: { licence: 'Apache-2.0' } },
    );
    expect(exported.files).toEqual([file('mlp.onnx')]);
    expect(await readdir(folder)).toEqual(['mlp.onnx']);
    const { names, outputs } = await runFile(file('mlp.onnx'), tensors);
    expect(names.inputs).toMatchObject([{ name: 'x', type: 'float32', shape: [3, 4] }]);
    expect(names.outputs).toMatchObject([{ name: 'y', shape: [3, 2] }]);
    expectClose('mlp', outputs.y, interpret(graph, tensors).y, { terms: 9 });

    const bytes = await readFile(file('mlp.onnx'));
    expect(exported.bytes).toBe(bytes.length);
    const model = fromBinary(ModelProtoSchema, bytes);
    expect(model).toMatchObject({ producerName: 'emu-ts', metadataProps: [{ key: 'licence' }] });
    expect(model.graph?.name).toBe('mlp');
    expect(model.graph?.initializer.map(({ name }) => name)).toEqual(expect.arrayContaining(mlpWeights));
    expect(model.opsetImport.map(({ domain }) => domain)).toEqual(['']);
  });

  it('keeps large weights in a second file', async () => {
    const graph = mlp();
    const { tensors, weights } = split(graph, mlpWeights);
    const where = file('mlp.onnx');
    const exported = await exportOnnx({ graph }, { weights, path: where, externalData: true });
    expect((await readdir(folder)).sort()).toEqual(['mlp.onnx', 'mlp.onnx_data']);
    const sizes = await Promise.all(exported.files.map(async (name) => (await stat(name)).size));
    expect(exported.bytes).toBe(sizes[0] + sizes[1]);
    const { outputs } = await runFile(where, tensors);
    expectClose('external', outputs.y, interpret(graph, tensors).y, { terms: 9 });
  });

  it('is available as bytes, and with ONNX Runtime’s own operators', async () => {
    const x = input('x', f32(2, 3, 5, 8));
    const y = nn.rmsNormOp({ x, weight: input('w', f32(8)) }, { eps: 1e-6 }).y;
    const graph = graphOf({ y });
    const { tensors, weights } = split(graph, ['w']);
    for (const lowerings of [undefined, nativeLowerings]) {
      const model = await onnxModel({ graph }, { weights, lowerings });
      const { outputs } = await runFile(model, tensors);
      expectClose('rms norm', outputs.y, interpret(graph, tensors).y, { terms: 8, depth: 4 });
    }
  });

  it('is the same file every time', async () => {
    const graph = mlp();
    const { weights } = split(graph, mlpWeights);
    expect(await onnxModel({ graph }, { weights })).toEqual(await onnxModel({ graph: mlp() }, { weights }));
  });

  it('widens bf16 weights', async () => {
    const x = input('x', f32(2, 3));
    const weight = input('w', tensorType('bf16', [4, 3]));
    const graph = graphOf({ y: nn.linearOp({ x, weight }, {}).y });
    const { tensors, weights } = split(graph, ['w']);
    const { outputs } = await runFile(await onnxModel({ graph }, { weights }), tensors);
    expectClose('bf16', outputs.y, interpret(graph, tensors).y, { terms: 3 });
  });
});

/** A small model with everything that grows with batch and length. */
const width = 12;
const heads = 3;
const table = tensor('f32', [64, width], Array.from(random(3).normal(64 * width)));
function encoder({ batch, length }: Readonly<Record<string, number>>): Graph {
  const ids = input('ids', tensorType('i32', [batch, length]));
  const params = (name: string, ...shape: number[]) => input(name, f32(...shape));
  const tokens = nn.embeddingOp({ ids, weight: constant(table) }, { dtype: 'f32' }).y;
  const position = mul(reshape(iota([length], 0, 'f32'), [1, length, 1]), 0.01);
  const x = add(tokens, position);
  const normal = nn.layerNormOp({ x, weight: params('g', width), bias: params('b', width) }, { eps: 1e-5 }).y;
  const head = (name: string) =>
    nn.splitHeads(nn.linearOp({ x: normal, weight: params(name, width, width) }, {}).y, heads);
  const future = less(iota([length, length], 0), iota([length, length], 1));
  const bias = where(future, -1e9, 0);
  const attended = nn.attention({ q: head('q'), k: head('k'), v: head('v'), bias }, { scale: 0.5 });
  const merged = add(x, nn.mergeHeads(attended));
  const pooled = mean(merged, 1); // divides by the length
  const shifted = pad(slice(merged, 1, 1, length), [0, 0, 0], [0, 1, 0]);
  const flat = reshape(merged, [batch * length, width]);
  return graphOf({
    pooled,
    shifted,
    flat: matmul(flat, params('out', width, 2)),
    doubled: concat([merged, nn.silu(merged)], 1),
    total: sum(merged),
  });
}
const encoderWeights = ['g', 'b', 'q', 'k', 'v', 'out'];
const ids = (batch: number, length: number) =>
  tensor(
    'i32',
    [batch, length],
    Array.from({ length: batch * length }, (_, i) => (i * 31 + 7) % 64),
  );

describe('named axes', () => {
  it('give a file for every size, checked at sizes that were never traced', async () => {
    const { weights } = split(encoder({ batch: 2, length: 5 }), encoderWeights);
    const where = file('encoder.onnx');
    await exportOnnx({ trace: encoder, axes: { batch: [2, 3], length: [5, 7] } }, { weights, path: where });
    for (const [batch, length] of [
      [2, 5],
      [1, 1],
      [5, 4],
      [1, 33],
      [7, 2],
    ]) {
      const inputs = { ids: ids(batch, length) };
      const { names, outputs } = await runFile(where, inputs);
      expect(names.inputs).toMatchObject([{ name: 'ids', shape: ['batch', 'length'] }]);
      const shapes = Object.fromEntries(names.outputs.map((o) => [o.name, o.isTensor ? o.shape : []]));
      expect(shapes).toMatchObject({
        pooled: ['batch', width],
        flat: ['batch*length', 2],
        doubled: ['batch', '2*length', width],
      });
      const expected = interpret(encoder({ batch, length }), { ...weights, ...inputs });
      for (const [name, output] of Object.entries(outputs))
        expectClose(`${name} ${batch}×${length}`, output, expected[name], {
          terms: width * length,
          depth: 4,
        });
    }
  });

  it('may stand in multiples, and in squares when given three samples', async () => {
    const trace = ({ n }: Readonly<Record<string, number>>) => {
      const x = input('x', f32(4 * n + 2, 3 * n));
      return graphOf({ y: reshape(x, [-1]), z: transpose(x, [1, 0]) });
    };
    const model = await onnxModel({ trace, axes: { n: [2, 3, 5] } });
    const x = randomInputs({ x: f32(30, 21) });
    const { names, outputs } = await runFile(model, x);
    expect(names.inputs).toMatchObject([{ shape: ['4*n + 2', '3*n'] }]);
    expect(outputs.y.shape).toEqual([630]);
    expect(outputs.z.shape).toEqual([21, 30]);
    await expect(onnxModel({ trace, axes: { n: [2, 3] } })).rejects.toThrow(
      /Dimension 0 of prim.reshape → f32\[60\] is no polynomial of the axes: .*Give a third sample for squares/,
    );
  });

  it('refuse what does not follow them, naming the node', async () => {
    const refused = (trace: (n: number) => Value, samples = [2, 3]) =>
      onnxModel({ trace: ({ n }) => graphOf({ y: trace(n) }), axes: { n: samples } });
    const x = (n: number) => input('x', f32(n, 2));
    await expect(refused((n) => reshape(slice(x(n), 0, 0, n % 2), [-1]))).rejects.toMatchObject({
      code: 'DYNAMIC_AXIS',
      message: expect.stringMatching(
        /Dimension 0 of prim\.slice .*no polynomial of the axes: 0 at {"n":2}, 1 at {"n":3}, 0 at {"n":4}/,
      ),
    });
    await expect(refused((n) => (n > 2 ? add(x(n), 1) : mul(x(n), 2)))).rejects.toThrow(
      /prim\.mul → f32\[2,2\] \(traced at {"n":2}\) faces prim\.add → f32\[3,2\]/,
    );
    await expect(
      refused((n) => add(x(n), constant(tensor('f32', [n, 1], Array(n).fill(n))))),
    ).rejects.toThrow(/'tensor' of prim\.constant .*computed from iota/);
    await expect(refused((n) => iota([n, 2], 0, 'f32'))).rejects.toThrow(/is no dimension of any input/);
    await expect(refused(x, [1, 2])).rejects.toThrow(/sample sizes from 2, got \[1,2\]/);
    await expect(refused(x, [2])).rejects.toThrow(/at least two different/);
  });

  it('refuse a weight whose shape depends on them', async () => {
    const trace = ({ n }: Readonly<Record<string, number>>) =>
      graphOf({ y: add(input('x', f32(n, 2)), input('w', f32(n, 2))) });
    const weights = { w: tensor('f32', [2, 2]) };
    await expect(onnxModel({ trace, axes: { n: [2, 3] } }, { weights })).rejects.toMatchObject({
      code: 'WEIGHTS',
      message: expect.stringContaining("'w' must be f32[3,2], got f32[2,2]"),
    });
  });
});

describe('an export that fails', () => {
  const graph = mlp();
  const { weights } = split(graph, mlpWeights);
  /** A weight that cannot be read, after others have been written. */
  const broken = (error: Error): DeviceTensor => ({
    ...f32(2, 9),
    read: () => Promise.reject(error),
    dispose: () => {},
    [Symbol.dispose]: () => {},
  });

  it.each([true, false])('leaves nothing behind, external data %s', async (externalData) => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { errno: -28, code: 'ENOSPC' });
    const failing = { ...weights, 'down.weight': broken(full) };
    const options = { weights: failing, path: file('mlp.onnx'), externalData };
    await expect(exportOnnx({ graph }, options)).rejects.toThrow('ENOSPC');
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves an older file as it was', async () => {
    await writeFile(file('mlp.onnx'), 'old');
    const control = new AbortController();
    const aborting: HostTensor = weights['up.bias'];
    const slow: DeviceTensor = {
      ...broken(new Error()),
      ...f32(2, 9),
      read: async () => {
        control.abort();
        return convert(tensor('f32', [2, 9], Array(sizeOf([2, 9])).fill(1)), 'f32');
      },
    };
    const options = {
      weights: { ...weights, 'up.bias': aborting, 'down.weight': slow },
      path: file('mlp.onnx'),
      externalData: true,
      signal: control.signal,
    };
    await expect(exportOnnx({ graph }, options)).rejects.toThrow('aborted');
    expect(await readdir(folder)).toEqual(['mlp.onnx']);
    expect(await readFile(file('mlp.onnx'), 'utf8')).toBe('old');
  });

  it('says where it could not write', async () => {
    await expect(
      exportOnnx({ graph }, { weights, path: path.join(folder, 'no', 'such', 'folder.onnx') }),
    ).rejects.toMatchObject({ code: 'EXPORT', message: expect.stringContaining('ENOENT') });
    await expect(exportOnnx({ graph }, { weights, path: folder })).rejects.toMatchObject({
      code: 'EXPORT',
      message: expect.stringContaining('it is a folder'),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
