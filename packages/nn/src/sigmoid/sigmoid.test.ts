import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { sigmoidOp } from './op.js';

describeOp(sigmoidOp, cases);
