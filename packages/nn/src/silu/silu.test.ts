import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { siluOp } from './op.js';

describeOp(siluOp, cases);
