import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { logSoftmaxOp } from './op.js';

describeOp(logSoftmaxOp, cases);
