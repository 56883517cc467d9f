import { graphOf, input, print, tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.js';
import { cachedAttentionOp } from './op.js';

describeOp(cachedAttentionOp, cases);

describe('attention.cached', () => {
  const values = (b = 2) => {
    const fresh = tensorType('f32', [2, 3, 1, 4]);
    const past = tensorType('f32', [2, 3, 8, 4]);
    return {
      q: input('q', fresh),
      k: input('k', fresh),
      v: input('v', fresh),
      keys: input('keys', past),
      values: input('values', past),
      length: input('length', tensorType('i32', [])),
      padding: input('padding', tensorType('i32', [b])),
    };
  };

  it('prints as one node', () => {
    const { out } = cachedAttentionOp(values(), { scale: 0.5 });
    expect(print(graphOf({ out }))).toContain('attention.cached');
  });

  it('refuses operands that do not belong together', () => {
    expect(() => cachedAttentionOp(values(3), { scale: 0.5 })).toThrow(
      /'padding' must be \[2\], got i32\[3\]/,
    );
    const long = input('q', tensorType('f32', [2, 3, 9, 4]));
    expect(() => cachedAttentionOp({ ...values(), q: long, k: long, v: long }, { scale: 0.5 })).toThrow(
      /9 new positions do not fit/,
    );
    const floats = input('length', tensorType('f32', []));
    expect(() => cachedAttentionOp({ ...values(), length: floats }, { scale: 0.5 })).toThrow(
      /'length' must be i32/,
    );
  });
});
