import type { Value } from '@emu-ts/graph';
import { linearInt4Op, linearInt8Op, linearOp } from '@emu-ts/nn';
import type { Pattern } from '@emu-ts/webgpu/kernel';

type Named = Readonly<Record<string, Value>>;

/**
 * A way in which weights [n k] are stored: floats, or codes and scales. Fused ops of several weights exist once for each,
 * with a weight `q` as the operand `q`, or as `q` and `qScales`.
 */
export interface Format {
  /** Goes behind the names of ops. */
  readonly suffix: '' | '_int4' | '_int8';
  /** Operands that hold a weight. */
  operands(name: string): readonly string[];
  /** The linear layer without bias: x [… k] → [… n]. */
  linear(x: Value, operands: Named, name: string): Value;
  /** That layer in a pattern. */
  pattern(x: Pattern | string, name: string): Pattern;
}

export const plain: Format = {
  suffix: '',
  operands: (name) => [name],
  linear: (x, operands, name) => linearOp({ x, weight: operands[name] }, {}).y,
  pattern: (x, name) => ({ op: linearOp, inputs: { x, weight: name } }),
};

const codes = (op: typeof linearInt4Op | typeof linearInt8Op, suffix: Format['suffix']): Format => ({
  suffix,
  operands: (name) => [name, `${name}Scales`],
  linear: (x, operands, name) => op({ x, codes: operands[name], scales: operands[`${name}Scales`] }, {}).y,
  pattern: (x, name) => ({ op, inputs: { x, codes: name, scales: `${name}Scales` } }),
});

export const int4 = codes(linearInt4Op, '_int4');
export const int8 = codes(linearInt8Op, '_int8');
export const formats: readonly Format[] = [plain, int4, int8];
