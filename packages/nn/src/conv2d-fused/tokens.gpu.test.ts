import { convert } from '@emu-ts/base';
import { add, graphOf, input, interpret, reshape, tensorType, transpose, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { conv2d, groupNorm } from '../index.js';
import { nnKernels } from '../webgpu.js';

/** Between maps and transformers nothing is moved: convolutions write tokens and read them. */
const f32 = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));

/** [n c h w] → [n h·w c] */
const tokensOf = (x: Value) => transpose(reshape(x, [x.shape[0], x.shape[1], -1]), [0, 2, 1]);

describeGpu('convolutions around transformers', () => {
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
    expect(program.plan()).not.toContain('by prim.transpose');
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
    const back = conv2d({ weight: f32('out', c, c, 1, 1), bias: f32('shift', c) }, pixels);
    expect(await run(add(x, back))).toContain('fuses nn.conv2d, prim.add, prim.transpose');
    expect(await run(back)).toContain('fuses nn.conv2d, prim.transpose');
  });

  it('write tokens of patches', async () => {
    const weight = f32('weight', 5, 3, 4, 4);
    const patches = conv2d({ weight, bias: f32('bias', 5) }, f32('x', 2, 3, 8, 12), { stride: 4 });
    expect(await run(tokensOf(patches))).toContain('fuses nn.conv2d, prim.transpose');
  });
});
