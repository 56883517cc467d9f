import { describeOp } from '@emu-ts/testing';
import { cases } from './cases.js';
import { layerNormOp } from './op.js';

describeOp(layerNormOp, cases);
