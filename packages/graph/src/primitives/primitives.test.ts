import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import type { AnyOp } from '../index.js';
import { cases } from './cases.js';
import { type PrimitiveName, primitives } from './index.js';

for (const [name, { cases: list, ...checks }] of Object.entries(cases)) {
  if (list.length) describeOp(primitives[name as PrimitiveName] as AnyOp, list, checks);
}

describe('primitives', () => {
  it('carry the names they are listed under', () => {
    for (const [name, op] of Object.entries(primitives)) expect((op as AnyOp).name).toBe(`prim.${name}`);
  });
});
