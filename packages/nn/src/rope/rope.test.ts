import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { ropeOp } from './op.js';

describeOp(ropeOp, cases, { wrt: ['x'] });
