import { EmuError } from '@emu-ts/base';
import { formatType, type Value } from '@emu-ts/graph';
import { type Param, type Params, param, zeros } from '@emu-ts/params';
import { groupSize, linearInt4Op, linearInt8Op, type QuantizedBits } from './op.js';

/** codes u8 [out groups bytes], scales f16 [out groups], bias [out] */
export type QuantizedLinearTree = {
  readonly codes: Param;
  readonly scales: Param;
  readonly bias?: Param | undefined;
};

export function quantizedLinearParams(
  inDim: number,
  outDim: number,
  { bits, bias = true }: { readonly bits: QuantizedBits; readonly bias?: boolean | undefined },
): QuantizedLinearTree {
  const groups = Math.ceil(inDim / groupSize);
  return {
    codes: param([outDim, groups, (groupSize * bits) / 8], zeros, 'u8'),
    scales: param([outDim, groups], zeros, 'f16'),
    ...(bias ? { bias: param([outDim], zeros) } : {}),
  };
}

/** x [… in] → [… out]. The number of bits is read off the bytes of one group. */
export function quantizedLinear({ codes, scales, bias }: Params<QuantizedLinearTree>, x: Value): Value {
  const bits = (codes.shape[2] * 8) / groupSize;
  if (bits === 4) return linearInt4Op({ x, codes, scales, bias }, {}).y;
  if (bits === 8) return linearInt8Op({ x, codes, scales, bias }, {}).y;
  throw new EmuError('SHAPE', `Codes of ${formatType(codes)} are ${bits}-bit; 4 and 8 are known.`);
}
