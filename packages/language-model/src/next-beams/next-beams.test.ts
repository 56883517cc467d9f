import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { nextBeamsOp } from './op.js';

describeOp(nextBeamsOp, cases, { gradient: false });
