import { type AnyOp, primitives, type Value } from '@emu-ts/graph';

/** The value whose memory `value` looks at: reshapes are views. */
export function baseOf(value: Value): Value {
  let base = value;
  while (base.node.op === (primitives.reshape as AnyOp)) base = base.node.inputs.x;
  return base;
}
