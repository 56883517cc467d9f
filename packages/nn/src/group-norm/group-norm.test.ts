import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { groupNormOp } from './op.js';

describeOp(groupNormOp, cases);
