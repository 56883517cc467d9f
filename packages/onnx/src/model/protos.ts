import type { MessageInitShape } from '@bufbuild/protobuf';
import { byteSize, type DType, sizeOf } from '@emu-ts/base';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../proto/onnx_pb.js';
import { onnxType } from './dtype.js';
import type { Size } from './size.js';

/** The parts of an ONNX file in our own terms, and as its messages. */

/** Numbers are INT, arrays INTS, strings STRING; a FLOAT is written `float(x)`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export const float = (value: number): Attribute => ({ float: value });

/** A tensor of the file that is not computed. `data` is undefined where the caller provides it by name later. */
export interface Initializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | undefined;
}

/** Bytes inside the message, or a range of a file named relative to it. */
export type Placement =
  | Uint8Array
  | { readonly file: string; readonly offset: number; readonly length: number };

/** Bytes of an initializer. */
export const byteLength = ({ dtype, shape }: Initializer): number => sizeOf(shape) * byteSize(dtype);

export function tensorProto(
  { name, dtype, shape }: Initializer,
  place: Placement,
): MessageInitShape<typeof TensorProtoSchema> {
  const head = { name, dataType: onnxType(dtype), dims: shape.map(BigInt) };
  if (place instanceof Uint8Array) return { ...head, rawData: place };
  const entries = { location: place.file, offset: place.offset, length: place.length };
  return {
    ...head,
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
  };
}

export const valueInfo = (
  name: string,
  dtype: DType,
  shape: readonly Size[],
): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType: onnxType(dtype),
        shape: {
          dim: shape.map((size) => ({
            value:
              typeof size === 'number'
                ? { case: 'dimValue', value: BigInt(size) }
                : { case: 'dimParam', value: String(size) },
          })),
        },
      },
    },
  },
});

const encoder = new TextEncoder();

export function attribute(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: encoder.encode(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}
