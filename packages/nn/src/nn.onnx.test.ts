import { describeOp } from '@emu-ts/testing';
import { suites } from './suites.js';

/** Every op on ONNX Runtime, natively or by its decomposition, against the interpreter. */
for (const [op, cases] of suites) describeOp(op, cases, { gradient: false, executors: ['onnx'] });
