import {
  add,
  div,
  exp,
  graphOf,
  input,
  log,
  maxReduce,
  rewrite,
  simplify,
  sub,
  sum,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { softmaxes, softmaxOp } from './softmaxes.js';

const x = input('x', tensorType('f32', [2, 3, 5]));
const powers = (of: Value, axis = -1) => exp(sub(of, maxReduce(of, axis, true)));
const quotient = (of: Value, axis = -1) => div(powers(of, axis), sum(powers(of, axis), axis, true));
const logsumexp = (of: Value) => add(maxReduce(of, -1, true), log(sum(powers(of), -1, true)));

/** How many softmaxes the outputs come to. */
const found = (outputs: Readonly<Record<string, Value>>): number =>
  simplify(rewrite(simplify(graphOf(outputs)), softmaxes)).nodes.filter(({ op }) => op === softmaxOp).length;

describe('softmaxes', () => {
  it('is one for the forward and the backward pass', () => {
    expect(found({ forward: quotient(x), backward: exp(sub(x, logsumexp(x))) })).toBe(1);
  });

  it('is none along another axis, of other scores or of other formats', () => {
    const other = input('other', tensorType('f32', [2, 3, 5]));
    const wide = input('wide', tensorType('f64', [2, 3, 5]));
    expect(found({ y: quotient(x, 1) })).toBe(0);
    expect(found({ y: div(powers(x), sum(powers(other), -1, true)) })).toBe(0);
    expect(found({ y: exp(sub(x, logsumexp(other))) })).toBe(0);
    expect(found({ y: quotient(wide) })).toBe(0);
  });
});
