import { convert } from '@emu-ts/base';
import {
  add,
  concat,
  graphOf,
  input,
  interpret,
  mul,
  reshape,
  tensorType,
  transpose,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, expectClose, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { conv2d, groupNorm, silu } from '../index.js';
import { nnKernels } from '../webgpu.js';

/** Where maps become tokens and tokens maps, and where maps lie side by side, nothing is moved: convolutions read and write them. */
const f32 = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));

/** [n c h w] → [n h·w c] */
const tokensOf = (x: Value) => transpose(reshape(x, [x.shape[0], x.shape[1], -1]), [0, 2, 1]);

describeGpu('convolutions at the edges of blocks', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: nnKernels });
  });
  afterAll(() => gpu?.dispose());

  async function run(y: Value): Promise<string> {
    const graph = graphOf({ y });
    const drawn = Object.entries(randomTensors(graph.inputs));
    const tensors = Object.fromEntries(drawn.map(([name, t]) => [name, convert(t, 'f32')]));
    await using program = await gpu.compile(graph);
    using found = (await program.run(tensors)).y;
    const expected = interpret(graph, tensors).y;
    expectClose(program.plan(), await found.read(), expected, { terms: 600, depth: 3 });
    expect(program.plan()).not.toMatch(/by prim.(transpose|concat)/);
    return program.plan();
  }

  /** The second splits its sums. */
  it.each([
    [2, 6, 5, 7, 9],
    [1, 1040, 3, 3, 10],
  ])('write tokens of maps and read them back: [%i %i %i %i] by %i', async (n, c, h, w, o) => {
    const x = f32('x', n, c, h, w);
    const normal = groupNorm({ weight: f32('gain', c), bias: f32('shift', c) }, x, 2, 1e-5);
    const tokens = tokensOf(conv2d({ weight: f32('in', o, c, 1, 1), bias: f32('bias', o) }, normal));
    expect(await run(tokens)).toContain('fuses nn.conv2d, nn.group_norm, prim.transpose');
    const pixels = reshape(transpose(f32('rows', n, h * w, c), [0, 2, 1]), [n, c, h, w]);
    const back = conv2d({ weight: f32('out', o, c, 1, 1), bias: f32('bias', o) }, pixels);
    expect(await run(add(f32('residual', n, o, h, w), back))).toContain(
      'fuses nn.conv2d, prim.add, prim.transpose',
    );
    expect(await run(back)).toContain('fuses nn.conv2d, prim.transpose');
  });

  it('write tokens of patches', async () => {
    const weight = f32('weight', 5, 3, 4, 4);
    const patches = conv2d({ weight, bias: f32('bias', 5) }, f32('x', 2, 3, 8, 12), { stride: 4 });
    expect(await run(tokensOf(patches))).toContain('fuses nn.conv2d, prim.transpose');
  });

  /** Groups begin in one map and end in the other; in the last shape a group has several pieces. */
  it.each([
    [2, 5, 4, 3, 5],
    [2, 3, 6, 4, 6],
    [1, 2, 4, 56, 57],
  ])('read maps that lie side by side: [%i %i + %i %i %i]', async (n, c, others, h, w) => {
    const both = concat([f32('x', n, c, h, w), f32('skip', n, others, h, w)], 1);
    const normal = groupNorm(
      { weight: f32('gain', c + others), bias: f32('shift', c + others) },
      both,
      3,
      1e-5,
    );
    const first = conv2d({ weight: f32('first', 3, c + others, 3, 3), bias: f32('bias', 3) }, silu(normal), {
      padding: 1,
    });
    const shortcut = conv2d({ weight: f32('shortcut', 3, c + others, 1, 1) }, both);
    expect(await run(mul(shortcut, first))).toContain('fuses nn.conv2d, nn.group_norm, nn.silu');
  });
});
