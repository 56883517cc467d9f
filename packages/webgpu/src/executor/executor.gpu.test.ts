import { type HostTensor, tensor } from '@emu-ts/base';
import {
  add,
  argmax,
  broadcast,
  concat,
  defineOp,
  type Executor,
  full,
  graphOf,
  input,
  interpreter,
  literal,
  matmul,
  mul,
  reshape,
  sub,
  sum,
  tensorType,
  transpose,
  updateSlice,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineKernel, type WebGpuExecutor, webgpu } from '../index.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);
const values = (t: HostTensor) => Array.from(t.data as Float32Array);
const vector = (...numbers: number[]) => tensor('f32', [numbers.length], numbers);

let gpu: WebGpuExecutor;

describeGpu('the WebGPU executor', () => {
  beforeAll(async () => {
    gpu = await webgpu();
  });
  afterAll(() => gpu?.dispose());

  /** A state of eight rows that grows by one a run, and a product that reads it. */
  const stepGraph = () => {
    const cache = updateSlice(input('cache', f32(8, 4)), input('row', f32(1, 4)), input('at', i32()), 0);
    return graphOf({ cache, scores: matmul(cache, input('weight', f32(4, 4))) });
  };

  it('writes donated state in place, and 50 runs leave memory as it was', async () => {
    const weight = await gpu.upload(randomInputs({ w: f32(4, 4) }).w);
    await using program = await gpu.compile(stepGraph(), { weights: { weight }, donate: { cache: 'cache' } });
    let cache = await gpu.upload(tensor('f32', [8, 4]));
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const at = tensor('i32', [], [i % 8]);
      const out = await program.run({ cache, row: tensor('f32', [1, 4], [i, i, i, i]), at });
      await expect(cache.read()).rejects.toThrow('donated to a program');
      cache = out.cache;
      await out.scores.read();
      out.scores.dispose();
      if (i > 1) seen.add(JSON.stringify(gpu.memory()));
    }
    expect([...seen]).toHaveLength(1);
    expect(values(await cache.read()).filter((_, i) => i % 4 === 0)).toEqual([
      48, 49, 42, 43, 44, 45, 46, 47,
    ]);
    cache.dispose();
    weight.dispose();
  });

  it('updates parameters in their own memory, past everything that still reads them', async () => {
    const [p, q] = [input('p', f32(6)), input('q', f32(6))];
    const next = sub(p, mul(q, 0.5));
    const graph = graphOf({ p: next, q: mul(add(p, q), 2) });
    await using program = await gpu.compile(graph, { donate: { p: 'p', q: 'q' } });
    let state = {
      p: await gpu.upload(vector(1, 2, 3, 4, 5, 6)),
      q: await gpu.upload(vector(2, 2, 2, 2, 2, 2)),
    };
    const before = gpu.memory().used;
    for (let i = 0; i < 3; i++) state = (await program.run(state)) as typeof state;
    expect(gpu.memory().used).toBe(before);
    const reference = interpreter();
    const same = await reference.compile(graph);
    let wanted: Record<string, HostTensor> = { p: vector(1, 2, 3, 4, 5, 6), q: vector(2, 2, 2, 2, 2, 2) };
    for (let i = 0; i < 3; i++) {
      const out = await same.run(wanted);
      wanted = { p: await out.p.read(), q: await out.q.read() };
    }
    expect(values(await state.p.read())).toEqual(values(wanted.p));
    expect(values(await state.q.read())).toEqual(values(wanted.q));
    for (const held of Object.values(state)) held.dispose();
  });

  it('keeps an old state that something still reads', async () => {
    const cache = input('cache', f32(3, 2));
    const next = updateSlice(cache, input('row', f32(1, 2)), literal('i32', [], [1]), 0);
    await using program = await gpu.compile(graphOf({ cache: next, total: sum(add(cache, next)) }), {
      donate: { cache: 'cache' },
    });
    const given = { cache: tensor('f32', [3, 2], [1, 1, 1, 1, 1, 1]), row: tensor('f32', [1, 2], [5, 5]) };
    const out = await program.run(given);
    expect(values(await out.cache.read())).toEqual([1, 1, 5, 5, 1, 1]);
    expect(values(await out.total.read())).toEqual([20]);
    expect(values(given.cache)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('hands out inputs, constants, numbers and one value under two names', async () => {
    const x = input('x', f32(2, 2));
    const sums = add(x, 1);
    const outputs = {
      same: x,
      flat: reshape(x, [4]),
      first: sums,
      second: reshape(sums, [4]),
      ones: full([3], 1),
      constant: literal('f32', [2], [7, 8]),
    };
    await expectEqual(gpu, 'outputs', outputs, randomInputs({ x: f32(2, 2) }));
  });

  it('runs programs side by side', async () => {
    const chain = (n: number) => {
      let y: Value = input('x', f32(64));
      for (let i = 0; i < 200; i++) y = mul(add(y, n), 0.5);
      return graphOf({ y });
    };
    const programs = await Promise.all([1, 2, 3].map((n) => gpu.compile(chain(n))));
    const x = tensor('f32', [64]);
    const { signal } = new AbortController();
    const outs = await Promise.all(programs.map((program) => program.run({ x }, { signal })));
    const results = await Promise.all(outs.map(async ({ y }) => values(await y.read())[5]));
    expect(results.map((y) => Math.round(y * 1e4) / 1e4)).toEqual([1, 2, 3]);
    for (const { y } of outs) y.dispose();
    for (const program of programs) await program.dispose();
  });

  it('stops between batches when aborted, frees what the run held, and goes on working', async () => {
    let y: Value = input('x', f32(128, 128));
    for (let i = 0; i < 1200; i++) y = mul(transpose(y, [1, 0]), 1.0001);
    await using program = await gpu.compile(graphOf({ y }));
    const x = await gpu.upload(tensor('f32', [128, 128]));
    const before = gpu.memory().used;
    await expect(program.run({ x }, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(program.run({ x }, { signal: controller.signal })).rejects.toThrow('aborted');
    expect(gpu.memory().used).toBe(before);
    const { y: result } = await program.run({ x });
    expect(values(await result.read())[0]).toBe(0);
    result.dispose();
    x.dispose();
  });

  it('names everything that does not fit', async () => {
    await using program = await gpu.compile(stepGraph(), { weights: { weight: tensor('f32', [4, 4]) } });
    const bad = { cache: vector(1), at: tensor('i32', [], [0]), weight: vector(1), other: vector(1) };
    await expect(program.run(bad)).rejects.toThrow(
      "The inputs do not fit this program: 'cache' must be f32[8,4], got f32[1]; 'row' (f32[1,4]) is missing; " +
        "'weight' is a weight, given when the program was compiled; there is no input 'other'.",
    );
    await expect(gpu.compile(stepGraph(), { weights: { weight: vector(1) } })).rejects.toMatchObject({
      code: 'WEIGHTS',
    });
    await expect(gpu.compile(stepGraph(), { donate: { cache: 'nothing' } })).rejects.toMatchObject({
      code: 'DONATION',
    });
    await expect(gpu.upload(tensor('f64', [1]))).rejects.toThrow('at most 32 bits, got a f64[1] tensor');
  });

  it('refuses tensors of other executors and disposed ones', async () => {
    const elsewhere: Executor = interpreter();
    await using program = await gpu.compile(graphOf({ y: add(input('x', f32(2)), 1) }));
    await expect(program.run({ x: await elsewhere.upload(vector(1, 2)) })).rejects.toMatchObject({
      code: 'FOREIGN_TENSOR',
    });
    await using second = await webgpu();
    await expect(program.run({ x: await second.upload(vector(1, 2)) })).rejects.toMatchObject({
      code: 'FOREIGN_TENSOR',
    });
    const gone = await gpu.upload(vector(1, 2));
    gone.dispose();
    await expect(program.run({ x: gone })).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('shares weights between programs', async () => {
    const weight = await gpu.upload(tensor('f32', [256, 256]));
    const before = gpu.memory().used;
    const graph = (rows: number) =>
      graphOf({ y: matmul(input('x', f32(rows, 256)), input('weight', f32(256, 256))) });
    const programs = [
      await gpu.compile(graph(1), { weights: { weight } }),
      await gpu.compile(graph(2), { weights: { weight } }),
    ];
    expect(gpu.memory().used).toBe(before);
    expect(values(await weight.read())).toHaveLength(256 * 256);
    weight.dispose();
    // Its memory may serve another tensor now.
    await expect(programs[0].run({ x: tensor('f32', [1, 256]) })).rejects.toMatchObject({ code: 'DISPOSED' });
    for (const program of programs) await program.dispose();
  });

  it('runs what only memory limits the shape of', async () => {
    const rank7 = input('x', f32(2, 3, 1, 2, 2, 2, 3));
    const outputs = {
      transposed: transpose(rank7, [6, 1, 4, 3, 0, 5, 2]),
      empty: concat([input('none', f32(0, 3)), input('none', f32(0, 3))], 0),
      joined: concat([input('none', f32(0, 3)), input('some', f32(2, 3))], 0),
      summed: sum(input('none', f32(0, 3)), 0),
      product: matmul(input('tall', f32(5, 0)), input('wide', f32(0, 4))),
    };
    const inputs = {
      x: rank7,
      none: f32(0, 3),
      some: f32(2, 3),
      tall: f32(5, 0),
      wide: f32(0, 4),
    };
    // One value per name: inputs are compared by identity.
    const none = input('none', inputs.none);
    outputs.empty = concat([none, none], 0);
    outputs.joined = concat([none, input('some', inputs.some)], 0);
    outputs.summed = sum(none, 0);
    await expectEqual(gpu, 'shapes', outputs, randomInputs(inputs));
    const long = input('long', f32(66_000, 2));
    await expectEqual(gpu, 'many workgroups', { y: argmax(long, 1) }, randomInputs({ long }));
  });

  it('says what runs how, and where the time goes', async () => {
    const x = input('x', f32(3, 4));
    const graph = graphOf({ y: matmul(add(x, 1), transpose(x, [1, 0])) });
    expect(gpu.plan(graph)).toMatchInlineSnapshot(`
      "prim.add ×1 by prim.add vec4
      prim.matmul ×1 by prim.matmul (prim.matmul tiled vec4: k = 4 and n = 3 do not both divide by 4; prim.matmul tiled: a tile of 16 × 64 is wasted on 3 × 4 × 3)
      prim.transpose ×1 by prim.transpose"
    `);
    await using program = await gpu.compile(graph);
    expect(program.plan()).toBe(gpu.plan(graph));
    expect(program.dispatches).toBe(3);
    const profile = await program.profile({ x: tensor('f32', [3, 4]) });
    expect(profile.entries.map(({ kernel }) => kernel).sort()).toEqual([
      'prim.add vec4',
      'prim.matmul',
      'prim.transpose',
    ]);
    expect(String(profile)).toMatch(/ms +[\d.]+ % ×1 prim\.matmul/);
  });

  it('moves nothing for axes of one, and folds numbers into parameters', async () => {
    const x = input('x', f32(2, 1, 3, 4));
    const outputs = {
      heads: add(transpose(x, [0, 2, 1, 3]), 1),
      rows: add(broadcast(x, [1, 2, 1, 3, 4]), transpose(full([4, 3, 1, 1], 2), [2, 3, 1, 0])),
    };
    await using program = await gpu.compile(graphOf(outputs));
    expect(program.plan()).toBe('prim.add ×2 by prim.add vec4');
    await expectEqual(gpu, 'views', outputs, randomInputs({ x }));
  });

  it('prefers the first kernel that supports a node, and keeps why others did not', async () => {
    const twice = defineOp({
      name: 'test.twice',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x }, _: Record<string, never>) => ({ y: { shape: x.shape, dtype: x.dtype } }),
      decompose: ({ x }) => ({ y: add(x, x) }),
    });
    const source = (body: string) =>
      `@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3<u32>) {\n${body}\n}\n`;
    const define = (name: string, body: string, largest: number) =>
      defineKernel(twice, {
        name,
        source: source(body),
        supports: ({ x }) => x.shape[0] <= largest || `more than ${largest} elements`,
        params: () => ({ factor: ['f32', 2] }),
        workgroups: ({ x }) => x.shape[0],
      });
    const right = define('small', 'store_y(id.x, params.factor * load_x(id.x));', 2);
    const wrong = define('wrong', 'let two = 2;\nstore_y(id.x, nothing);', 4);
    await using own = await webgpu({ kernels: [right, wrong] });
    const graph = (n: number) => graphOf({ y: twice({ x: input('x', f32(n)) }, {}).y });
    await expectEqual(own, 'kernel', { y: graph(2).outputs.y }, { x: vector(3, 4) });
    expect(own.plan(graph(8))).toBe(
      'prim.add ×1 by prim.add vec4\ntest.twice ×1 decomposed: small: more than 2 elements; wrong: more than 4 elements',
    );
    await expect(own.compile(graph(4))).rejects.toThrow(
      /The shader of wrong does not compile: line 3: .*unresolved value 'nothing'/,
    );
  });
});
