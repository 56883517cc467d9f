import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { rmsNormOp } from './op.js';

describeOp(rmsNormOp, cases);
