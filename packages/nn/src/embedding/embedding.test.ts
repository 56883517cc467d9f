import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { embeddingOp } from './op.js';

describeOp(embeddingOp, cases);
