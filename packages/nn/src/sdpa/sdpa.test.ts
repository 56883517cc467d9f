import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { sdpaOp } from './op.js';

describeOp(sdpaOp, cases);
