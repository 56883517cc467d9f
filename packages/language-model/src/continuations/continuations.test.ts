import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { continuationsOp } from './op.js';

describeOp(continuationsOp, cases, { gradient: false });
