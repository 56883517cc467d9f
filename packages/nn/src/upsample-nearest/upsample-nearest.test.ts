import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { upsampleNearestOp } from './op.js';

describeOp(upsampleNearestOp, cases);
