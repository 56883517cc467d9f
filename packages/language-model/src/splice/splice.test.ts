import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { spliceOp } from './op.js';

const slots = [-1, 2, 0, -1, 1];
const inputs = {
  tokens: tensorType('f32', [5, 7]),
  embeddings: tensorType('f32', [3, 7]),
  slots: tensorType('i32', [5]),
};

describeOp(
  spliceOp,
  [{ name: 'three of five rows', inputs, given: { slots: tensor('i32', [5], slots) }, attrs: {} }],
  { gradient: false },
);
