import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { crossEntropyOp } from './op.js';

describeOp(crossEntropyOp, cases);
