import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { softmaxOp } from './op.js';

describeOp(softmaxOp, cases);
