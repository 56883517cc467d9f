import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { linearOp } from './op.js';

describeOp(linearOp, cases);
