import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { geluOp } from './op.js';

describeOp(geluOp, cases);
