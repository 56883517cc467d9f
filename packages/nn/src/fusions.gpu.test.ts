import { convert } from '@emu-ts/base';
import {
  add,
  type Graph,
  gradients,
  graphOf,
  input,
  interpret,
  mul,
  reshape,
  slice,
  split,
  sum,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, type Expectation, expectClose, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  attention,
  conv2d,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  mergeHeads,
  relu,
  rmsNorm,
  silu,
  splitHeads,
  upsampleNearest,
} from './index.js';
import { nnKernels } from './webgpu.js';

/** What the planner fuses: models as they write it, run with all kernels of nn, against the interpreter on the same graph. */
const total = (x: Value) => sum(x, [0, 1]);
const f32 = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));

describeGpu('fusions of nn', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: nnKernels });
  });
  afterAll(() => gpu?.dispose());

  /** Compares every output and says how the graph ran. */
  async function run(graph: Graph, expectation: Expectation = {}): Promise<string> {
    const tensors = Object.fromEntries(
      Object.entries(randomTensors(graph.inputs)).map(([name, drawn]) => [
        name,
        convert(drawn, graph.inputs[name].dtype),
      ]),
    );
    const expected = interpret(graph, tensors);
    await using program = await gpu.compile(graph);
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      expectClose(`fused ${name}`, await held.read(), expected[name], {
        terms: 64,
        depth: 4,
        ...expectation,
      });
    }
    return program.plan();
  }

  it('multiplies gradients without transposed copies', async () => {
    const [x, weight, bias] = [f32('x', 2, 33, 20), f32('weight', 24, 20), f32('bias', 24)];
    const y = linear({ weight, bias }, x);
    const loss = sum(mul(y, y), [0, 1, 2]);
    const [dweight, dbias] = gradients(loss, [weight, bias]);
    const plan = await run(graphOf({ dweight, dbias }));
    expect(plan).toContain('nn.matmul_transposed ×1 by nn.matmul_transposed first');
    expect(plan).not.toContain('by prim.transpose');
  });

  it('activates and adds in the dispatch of a linear layer', async () => {
    const [x, up, down] = [f32('x', 2, 9, 20), f32('up', 40, 20), f32('down', 20, 40)];
    const codes = { codes: input('codes', tensorType('u8', [20, 1, 16])), scales: f32('scales', 20, 1) };
    const hidden = linear({ weight: up, bias: f32('bias', 40) }, x);
    const y = add(x, linear({ weight: down }, gelu(hidden)));
    const plan = await run(graphOf({ y, relu: relu(linear(codes, x)) }));
    expect(plan).toContain('nn.linear_activated ×1 fuses nn.gelu, nn.linear');
    expect(plan).toContain('nn.linear_activated ×1 fuses nn.linear, prim.add');
    expect(plan).toContain('nn.linear_int4_activated ×1 fuses nn.linear_int4, prim.max');
  });

  it('gates in the dispatch of a linear layer', async () => {
    const x = f32('x', 2, 9, 20);
    const projected = linear({ weight: f32('weight', 24, 20), bias: f32('bias', 24) }, x);
    const [value, gate] = split(projected, -1, [12, 12]);
    const [a, b] = split(linear({ weight: f32('other', 24, 20) }, x), -1, [12, 12]);
    const plan = await run(graphOf({ y: mul(value, gelu(gate)), swapped: mul(b, gelu(a)) }));
    expect(plan).toContain('nn.linear_gated ×1 by nn.linear_gated tiled');
  });

  it('gates one layer by another, in any storage', async () => {
    const x = f32('x', 2, 9, 40);
    const codesOf = (name: string, bits: 4 | 8) => ({
      codes: input(`${name}${bits}`, tensorType('u8', [12, 2, 4 * bits])),
      scales: f32(`${name}${bits}s`, 12, 2),
    });
    const layers = [
      [{ weight: f32('up', 12, 40), bias: f32('bias', 12) }, { weight: f32('gate', 12, 40) }],
      [codesOf('up', 4), codesOf('gate', 4)],
      [codesOf('up', 8), codesOf('gate', 8)],
    ];
    const gated = layers.map(([up, gate]) => mul(silu(linear(gate, x)), linear(up, x)));
    const magnitude = (128 * 40) ** 2;
    const plan = await run(graphOf(Object.fromEntries(gated.map((y, i) => [`y${i}`, y]))), { magnitude });
    expect(plan).toContain('nn.linear_gated ×1 fuses nn.linear ×2, nn.silu, prim.mul');
    expect(plan).toContain('nn.linear_int4_gated ×1 fuses nn.linear_int4 ×2, nn.silu, prim.mul');
    expect(plan).toContain('nn.linear_int8_gated ×1 fuses nn.linear_int8 ×2, nn.silu, prim.mul');
  });

  it('normalises, activates and enlarges while a convolution reads', async () => {
    const [x, time, gain, shift] = [f32('x', 2, 8, 5, 6), f32('time', 2, 8), f32('gain', 8), f32('shift', 8)];
    const [first, second] = [f32('first', 8, 8, 3, 3), f32('second', 8, 8, 3, 3)];
    const source = silu(groupNorm({ weight: gain, bias: shift }, x, 4, 1e-5));
    const timed = add(conv2d({ weight: first }, source, { padding: 1 }), reshape(time, [-1, 8, 1, 1]));
    const cut = slice(slice(upsampleNearest(timed, 2), 2, 0, 9), 3, 0, 12);
    const graph = graphOf({
      y: conv2d({ weight: second, bias: shift }, cut, { padding: 1 }),
      sum: add(x, timed),
    });
    const plan = await run(graph, { terms: 72, depth: 6 });
    expect(plan).toContain('nn.conv2d_fused ×1 fuses nn.conv2d, nn.group_norm, nn.silu, prim.add');
    expect(plan).toContain('nn.conv2d_fused ×1 fuses nn.conv2d, nn.upsample_nearest, prim.slice');
  });

  it('attends to heads where linear layers left them', async () => {
    const x = f32('x', 2, 7, 12);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => splitHeads(linear({ weight: f32(name, 12, 12) }, x), 3));
    const [keys, values] = [f32('keys', 2, 3, 5, 4), f32('values', 2, 3, 5, 4)];
    const own = mergeHeads(attention({ q, k, v }, { scale: 0.5, causal: true }));
    const query = splitHeads(own, 3);
    const y = mergeHeads(attention({ q: query, k: keys, v: values }, { scale: 0.5 }));
    const plan = await run(graphOf({ y }));
    expect(plan).toContain('attention.tokens ×2 by attention.tokens tiles');
    expect(plan).not.toContain('by prim.transpose');
  });

  it('attends to parts of one projection where it left them', async () => {
    const x = f32('x', 2, 7, 12);
    const [q, k, v] = split(linear({ weight: f32('qkv', 36, 12) }, x), -1, [12, 12, 12]).map((part) =>
      splitHeads(part, 3),
    );
    const plan = await run(graphOf({ y: mergeHeads(attention({ q, k, v }, { scale: 0.5, causal: true })) }));
    expect(plan).toContain('attention.packed ×1 fuses attention.sdpa, prim.slice ×3, prim.transpose ×4');
    expect(plan).not.toContain('by prim.slice');
  });

  it('adds to the stream and normalises it in one pass', async () => {
    const [x, weight, gain, shift] = [
      f32('x', 2, 9, 512),
      f32('weight', 24, 512),
      f32('gain', 24),
      f32('shift', 24),
    ];
    const [stream, other] = [f32('stream', 2, 9, 24), f32('other', 2, 9, 24)];
    const sum = add(stream, linear({ weight, bias: shift }, x));
    const y = layerNorm({ weight: gain, bias: shift }, sum, 1e-6);
    const later = add(sum, mul(other, y));
    const outputs = { later, y: rmsNorm({ weight: gain }, later, 1e-6) };
    const plan = await run(graphOf(outputs), { terms: 512, depth: 6 });
    expect(plan).toContain('nn.linear_norm ×1 fuses nn.layer_norm, nn.linear, prim.add');
    expect(plan).toContain('nn.residual_norm ×1 fuses nn.rms_norm, prim.add');
  });

  it('keeps what gradients read of a stream and its norm', async () => {
    const [x, weight, gain, shift] = [
      f32('x', 9, 512),
      f32('weight', 24, 512),
      f32('gain', 24),
      f32('shift', 24),
    ];
    const sum = add(f32('stream', 9, 24), linear({ weight }, x));
    const y = layerNorm({ weight: gain, bias: shift }, sum, 1e-6);
    const [dx, dgain] = gradients(total(mul(y, f32('dy', 9, 24))), [x, gain]);
    const plan = await run(graphOf({ y, dx, dgain }), { terms: 512, depth: 6 });
    expect(plan).toContain('nn.linear_norm ×1 fuses');
    expect(plan).toContain('nn.layer_norm_vjp ×1 by');
  });
});
