import { graphOf, input, tensorType } from '@emu-ts/graph';
import { linear } from '@emu-ts/nn';
import { describeGpu, withMatrixUnits } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { Belongings } from '../components.js';
import { devices } from './devices.js';
import { kernelsFor, type Precision, precisions } from './precision.js';

/** Which kernels a precision comes to, on a device with matrix units and on one without. */
const square = tensorType('f32', [64, 64]);
const graph = graphOf({ y: linear({ weight: input('weight', square) }, input('x', square)) });

describeGpu('precision', () => {
  it('decides about matrix units where a device has them', async () => {
    await using plain = await webgpu();
    const plans: string[] = [];
    for (const precision of precisions) {
      const device = withMatrixUnits(plain.device);
      await using executor = await webgpu({ device, kernels: await kernelsFor(precision) });
      plans.push(executor.plan(graph));
    }
    expect(plans[0]).toMatch(/^nn\.linear ×1 by nn\.linear tiled/);
    expect(plans[1]).toMatch(/^nn\.linear ×1 by nn\.linear matrix units/);
  });

  it.each([
    ['exact', false],
    ['fast', true],
  ] as const)('reaches the device of a component: %s', async (precision, asked) => {
    await using belongings = new Belongings();
    const executor = await devices('webgpu', belongings, { precision })('visual-encoder');
    const plan = (executor as WebGpuExecutor).plan(graph);
    // Without the units the same kernel runs either way; only who wanted them hears why not.
    expect(plan).toMatch(/^nn\.linear ×1 by nn\.linear (tiled|matrix units)/);
    expect(plan.includes('matrix units')).toBe(asked);
  });
});

it('refuses what is no precision', () => {
  expect(() => devices('reference', new Belongings(), { precision: 'quick' as Precision })).toThrow(
    expect.objectContaining({
      code: 'OPTION',
      message: "There is no precision 'quick'; there are exact, fast.",
    }),
  );
});
