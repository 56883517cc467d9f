import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { sumOfSquaresOp } from './op.js';

describeOp(sumOfSquaresOp, cases);
