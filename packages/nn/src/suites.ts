import type { AnyOp } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import * as conv2d from './conv2d/cases.js';
import * as crossEntropy from './cross-entropy/cases.js';
import * as embedding from './embedding/cases.js';
import * as gelu from './gelu/cases.js';
import * as groupNorm from './group-norm/cases.js';
import * as nn from './index.js';
import * as layerNorm from './layer-norm/cases.js';
import * as linear from './linear/cases.js';
import * as logSoftmax from './log-softmax/cases.js';
import { casesOf } from './quantized-linear/cases.js';
import * as quickGelu from './quick-gelu/cases.js';
import * as rmsNorm from './rms-norm/cases.js';
import * as rope from './rope/cases.js';
import * as sdpa from './sdpa/cases.js';
import * as sigmoid from './sigmoid/cases.js';
import * as silu from './silu/cases.js';
import * as softmax from './softmax/cases.js';
import * as stopGradient from './stop-gradient/cases.js';
import * as upsampleNearest from './upsample-nearest/cases.js';

/** Every op with its cases, for tests and benchmarks that go through all of them. */
export const suites: readonly (readonly [AnyOp, readonly OpCase[]])[] = [
  [nn.conv2dOp, conv2d.cases],
  [nn.crossEntropyOp, crossEntropy.cases],
  [nn.crossEntropyVjpOp, crossEntropy.vjpCases],
  [nn.embeddingOp, embedding.cases],
  [nn.geluOp, gelu.cases],
  [nn.groupNormOp, groupNorm.cases],
  [nn.layerNormOp, layerNorm.cases],
  [nn.layerNormVjpOp, layerNorm.vjpCases],
  [nn.linearOp, linear.cases],
  [nn.linearInt4Op, casesOf(4)],
  [nn.linearInt8Op, casesOf(8)],
  [nn.logSoftmaxOp, logSoftmax.cases],
  [nn.quickGeluOp, quickGelu.cases],
  [nn.rmsNormOp, rmsNorm.cases],
  [nn.rmsNormVjpOp, rmsNorm.vjpCases],
  [nn.ropeOp, rope.cases],
  [nn.sdpaOp, sdpa.cases],
  [nn.sdpaVjpOp, sdpa.vjpCases],
  [nn.sigmoidOp, sigmoid.cases],
  [nn.siluOp, silu.cases],
  [nn.softmaxOp, softmax.cases],
  [nn.softmaxVjpOp, softmax.vjpCases],
  [nn.stopGradientOp, stopGradient.cases],
  [nn.upsampleNearestOp, upsampleNearest.cases],
];
