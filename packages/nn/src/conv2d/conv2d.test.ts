import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { conv2dOp } from './op.js';

describeOp(conv2dOp, cases);
