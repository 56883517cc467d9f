import { tensorType } from '@emu-ts/graph';
import { describeOp, expectGradients, randomTensors } from '@emu-ts/testing';
import { it } from 'vitest';
import { cases, vjpCases } from './cases.js';
import { rmsNormOp, rmsNormVjpOp } from './op.js';

describeOp(rmsNormOp, cases);
describeOp(rmsNormVjpOp, vjpCases);

it('nn.rms_norm passes on what its statistic is used for', () => {
  const given = randomTensors({ x: tensorType('f32', [2, 3]), weight: tensorType('f32', [3]) });
  expectGradients('nn.rms_norm residuals', (v) => rmsNormOp(v as never, { eps: 0.1 }), given);
});
