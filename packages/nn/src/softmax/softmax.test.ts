import { describeOp } from '@emu-ts/testing';
import { cases, vjpCases } from './cases.js';
import { softmaxOp, softmaxVjpOp } from './op.js';

describeOp(softmaxOp, cases);
describeOp(softmaxVjpOp, vjpCases);
