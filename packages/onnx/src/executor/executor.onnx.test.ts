import { EmuError, type HostTensor, tensor } from '@emu-ts/base';
import {
  add,
  constant,
  gather,
  graphOf,
  input,
  interpret,
  interpreter,
  matmul,
  mul,
  sum,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import { expectClose, randomInputs, runOnce } from '@emu-ts/testing';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import { type Holdings, type OnnxExecutor, onnx } from '../index.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const x = input('x', f32(3, 4));
const w = input('w', f32(5, 4));
const linear = graphOf({ y: nn.linearOp({ x, weight: w }, {}).y });
const given = randomInputs({ x, w });

let executor: OnnxExecutor;
beforeAll(async () => {
  executor = await create();
});
afterAll(() => executor.dispose());

const codeOf = async (promise: Promise<unknown>): Promise<[string, string]> => {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(EmuError);
    return [(error as EmuError).code, (error as EmuError).message];
  }
  throw new Error('nothing was thrown');
};

describe('inputs', () => {
  it('lists everything that does not fit', async () => {
    await using program = await executor.compile(linear, { weights: { w: given.w } });
    const wrong = { x: tensor('f32', [4, 3]), w: given.w, z: tensor('f32', [1]) };
    const [code, message] = await codeOf(program.run(wrong));
    expect(code).toBe('INPUTS');
    expect(message).toBe(
      "The inputs do not fit this program: 'x' must be f32[3,4], got f32[4,3]; " +
        "'w' is a weight, given when the program was compiled; there is no input 'z'.",
    );
    const [, missing] = await codeOf(program.run({}));
    expect(missing).toContain("'x' (f32[3,4]) is missing");
    const [, dtype] = await codeOf(program.run({ x: tensor('i32', [3, 4]) }));
    expect(dtype).toContain("'x' must be f32[3,4], got i32[3,4]");
  });

  it('lists every weight that does not fit, and keeps nothing', async () => {
    const before = await executor.holdings();
    const weights = { x: tensor('f32', [1]), w: tensor('i32', [5, 4]) };
    const [code, message] = await codeOf(executor.compile(linear, { weights }));
    expect(code).toBe('WEIGHTS');
    expect(message).toContain("'x' must be f32[3,4], got f32[1]; 'w' must be f32[5,4], got i32[5,4]");
    expect(await executor.holdings()).toEqual(before);
  });

  it('refuses a tensor of another executor', async () => {
    await using other = await create();
    await using program = await executor.compile(linear, { weights: { w: given.w } });
    for (const foreign of [await other.upload(given.x), await interpreter().upload(given.x)]) {
      const [code] = await codeOf(program.run({ x: foreign }));
      expect(code).toBe('FOREIGN_TENSOR');
    }
  });

  it('does not look at a host tensor again after the run', async () => {
    const mine = tensor('f32', [3, 4], Array.from(given.x.data as Float32Array));
    const device = await executor.upload(mine);
    (mine.data as Float32Array).fill(0);
    expect((await device.read()).data).toEqual(given.x.data);
    device.dispose();
  });
});

describe('what is disposed', () => {
  it('cannot be used', async () => {
    const program = await executor.compile(linear, { weights: { w: given.w } });
    const device = await executor.upload(given.x);
    device.dispose();
    device.dispose();
    expect((await codeOf(device.read()))[0]).toBe('DISPOSED');
    expect((await codeOf(program.run({ x: device })))[0]).toBe('DISPOSED');
    await program.dispose();
    await program.dispose();
    expect((await codeOf(program.run({ x: given.x })))[0]).toBe('DISPOSED');
  });

  it('takes its programs and tensors along', async () => {
    const own = await create();
    const program = await own.compile(linear, { weights: { w: given.w } });
    const device = await own.upload(given.x);
    await own.dispose();
    await own.dispose();
    expect(await own.holdings()).toEqual({ tensors: 0, sessions: 0, bytes: 0 });
    const late = [program.run({ x: given.x }), own.compile(linear), own.upload(given.x), device.read()];
    expect((await Promise.all(late.map(codeOf))).map(([code]) => code)).toEqual(late.map(() => 'DISPOSED'));
  });
});

describe('errors of the runtime', () => {
  it('are typed and leave nothing behind', async () => {
    const ids = input('ids', tensorType('i32', [2]));
    const graph = graphOf({ y: gather(input('table', f32(3, 2)), ids) });
    await using program = await executor.compile(graph);
    const before = await executor.holdings();
    const inputs = { ids: tensor('i32', [2], [0, 99]), table: tensor('f32', [3, 2]) };
    const [code, message] = await codeOf(program.run(inputs));
    expect(code).toBe('ONNX_RUNTIME');
    expect(message).toMatch(/while running a program: .*99/s);
    expect(await executor.holdings()).toEqual(before);
    const results = await program.run({ ...inputs, ids: tensor('i32', [2], [0, 2]) });
    results.y.dispose();
  });

  it('name the module that is missing and how to install it', async () => {
    const [code, message] = await codeOf(onnx({ ort: 'onnxruntime-missing' }));
    expect(code).toBe('ONNX_RUNTIME_MISSING');
    expect(message).toContain('npm install onnxruntime-missing');
  });

  it('come from loading as well', async () => {
    await using strange = await create({ sessionOptions: { executionProviders: ['nothing'] } });
    expect((await codeOf(strange.compile(linear, { weights: given })))[0]).toBe('ONNX_RUNTIME');
    expect(await strange.holdings()).toEqual({ tensors: 0, sessions: 0, bytes: 0 });
  });
});

describe('abort', () => {
  it('is seen before and after', async () => {
    const aborted = AbortSignal.abort();
    expect(() => aborted.throwIfAborted()).toThrow();
    await using program = await executor.compile(linear, { weights: { w: given.w } });
    const before = await executor.holdings();
    await expect(executor.compile(linear, { signal: aborted })).rejects.toThrow('aborted');
    await expect(executor.upload(given.x, { signal: aborted })).rejects.toThrow('aborted');
    await expect(program.run({ x: given.x }, { signal: aborted })).rejects.toThrow('aborted');
    const control = new AbortController();
    const run = program.run({ x: given.x }, { signal: control.signal });
    control.abort();
    await expect(run).rejects.toThrow('aborted');
    const late = new AbortController();
    const compile = executor.compile(linear, { weights: { w: given.w }, signal: late.signal });
    late.abort();
    await expect(compile).rejects.toThrow('aborted');
    expect(await executor.holdings()).toEqual(before);
  });
});

describe('weights', () => {
  const size = 2048;
  const big = input('big', f32(size, size));
  const programs = [3, 7].map((rows) => {
    const rowsOf = input('x', f32(rows, size));
    return { rowsOf, graph: graphOf({ y: nn.linearOp({ x: rowsOf, weight: big }, {}).y }) };
  });

  it('are shared by programs: one tensor, whatever their number', async () => {
    await using own = await create();
    const weight = await own.upload(randomInputs({ big }).big);
    const bytes = size * size * 4;
    const compiled = [];
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 4; i++) {
      for (const { rowsOf, graph } of programs) {
        const program = await own.compile(graph, { weights: { big: weight } });
        compiled.push(program);
        const { y } = await program.run(randomInputs({ x: rowsOf }));
        y.dispose();
      }
    }
    expect(await own.holdings()).toEqual({ tensors: 1, sessions: 8, bytes });
    expect(process.memoryUsage().rss - before).toBeLessThan(4 * bytes);
    await Promise.all(compiled.map((program) => program.dispose()));
    expect(await own.holdings()).toEqual({ tensors: 1, sessions: 0, bytes });
  });

  it('given as host tensors belong to the program', async () => {
    await using own = await create({ embedUpTo: 0 });
    const program = await own.compile(linear, { weights: { w: given.w } });
    expect((await own.holdings()).tensors).toBe(1);
    await program.dispose();
    expect(await own.holdings()).toEqual({ tensors: 0, sessions: 0, bytes: 0 });
  });

  it.each([undefined, Number.POSITIVE_INFINITY])('are embedded up to %s bytes instead', async (embedUpTo) => {
    await using own = await create({ embedUpTo });
    await using program = await own.compile(linear, { weights: { w: given.w } });
    expect((await own.holdings()).tensors).toBe(0);
    const { y } = await program.run({ x: given.x });
    expectClose('embedded', await y.read(), interpret(linear, given).y, { terms: 4 });
  });

  it('larger than a message stand beside it', async () => {
    const large = randomInputs({ c: f32(300, 400) }).c;
    const graph = graphOf({ y: matmul(input('row', f32(1, 300)), constant(large)) });
    const row = randomInputs({ row: f32(1, 300) });
    expectClose('external', (await runOnce(executor, graph, row)).y, interpret(graph, row).y, { terms: 300 });
  });
});

describe('storage formats', () => {
  it.each(['f16', 'bf16', 'f32', 'f64'] as const)('keeps %s tensors to the bit', async (dtype) => {
    const host = tensor(dtype, [4], [1.5, -0.25, 3, 1e-3]);
    using device = await executor.upload(host);
    expect(device.dtype).toBe(dtype);
    expect(await device.read()).toEqual(host);
  });

  it.each([
    ['i32', [1, -2]],
    ['i64', [1, -2]],
    ['bool', [1, 0]],
    ['u8', [255, 0]],
    ['i8', [-128, 127]],
  ] as const)('keeps %s tensors', async (dtype, values) => {
    const host = tensor(dtype, [2], values);
    using device = await executor.upload(host);
    expect(await device.read()).toEqual(host);
  });

  it('computes with bf16 weights as f32', async () => {
    const weight = input('w', tensorType('bf16', [5, 4]));
    const graph = graphOf({ y: nn.linearOp({ x, weight }, {}).y });
    const tensors = randomInputs({ x, w: weight });
    expectClose('bf16', (await runOnce(executor, graph, tensors, ['w'])).y, interpret(graph, tensors).y, {
      terms: 4,
    });
  });
});

it('gives the same bits every time', async () => {
  const shape = f32(65, 300);
  const big = input('x', shape);
  const loss = sum(mul(nn.gelu(matmul(big, input('w', f32(300, 129)))), 3));
  const graph = graphOf({ loss });
  const tensors = randomInputs({ x: shape, w: f32(300, 129) });
  const results: HostTensor[] = [];
  for (let i = 0; i < 5; i++) results.push((await runOnce(executor, graph, tensors)).loss);
  for (const result of results) expect(result.data).toEqual(results[0].data);
});

it('does not grow with use', async () => {
  await using own = await create();
  const weight = await own.upload(given.w);
  const program = await own.compile(linear, { weights: { w: weight } });
  const holdings: Holdings[] = [];
  for (let i = 0; i < 50; i++) {
    const { y } = await program.run({ x: given.x });
    await y.read();
    y.dispose();
    const other = await own.compile(linear, { weights: { w: weight } });
    await other.dispose();
    holdings.push(await own.holdings());
  }
  expect(holdings.at(-1)).toEqual({ tensors: 1, sessions: 1, bytes: 80 });
  expect(holdings).toEqual(holdings.map(() => holdings[0]));
});

it('runs several calls at once, one after the other', async () => {
  await using program = await executor.compile(linear, { weights: { w: given.w } });
  const runs = Array.from({ length: 5 }, (_, i) => program.run({ x: randomInputs({ x }, {}, i).x }));
  const results = await Promise.all(runs);
  for (const [i, { y }] of results.entries()) {
    const expected = interpret(linear, { ...given, ...randomInputs({ x }, {}, i) });
    expectClose(`call ${i}`, await y.read(), expected.y, { terms: 4 });
    y.dispose();
  }
});

it('runs on onnxruntime-web in Node', async () => {
  web.env.wasm.numThreads = 1;
  await using wasm = await onnx({ ort: web });
  const hidden = nn.layerNormOp({ x, weight: input('g', f32(4)), bias: input('b', f32(4)) }, { eps: 1e-5 }).y;
  const y: Value = add(nn.silu(nn.linearOp({ x: hidden, weight: w }, {}).y), 1);
  const graph = graphOf({ y });
  const tensors = randomInputs({ x, w, g: f32(4), b: f32(4) });
  const actual = await runOnce(wasm, graph, tensors, ['w', 'g', 'b']);
  expectClose('wasm', actual.y, interpret(graph, tensors).y, { terms: 4, depth: 4 });
});
