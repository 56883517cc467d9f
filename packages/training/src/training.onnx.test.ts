import { describeOp } from '@emu-ts/testing';
import { cases as adamwCases } from './adamw/cases.js';
import { adamwOp } from './adamw/op.js';
import { cases as dropoutCases } from './dropout/cases.js';
import { dropoutOp } from './dropout/op.js';
import { cases as muonCases } from './muon/cases.js';
import { muonOp } from './muon/op.js';
import { cases as sumCases } from './sum-of-squares/cases.js';
import { sumOfSquaresOp } from './sum-of-squares/op.js';

/** The ops of training on ONNX Runtime, natively or by their decompositions, against the interpreter. */
const options = { gradient: false, executors: ['onnx'] };
describeOp(adamwOp, adamwCases, options);
describeOp(muonOp, muonCases, options);
describeOp(sumOfSquaresOp, sumCases, options);
describeOp(dropoutOp, dropoutCases, options);
