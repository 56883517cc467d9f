import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { quickGeluOp } from './op.js';

describeOp(quickGeluOp, cases);
