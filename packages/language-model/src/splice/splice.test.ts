import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { spliceOp } from './op.js';

describeOp(spliceOp, cases, { gradient: false });
