import type { DType } from '@emu-ts/base';
import { TensorProto_DataType as T } from '../proto/onnx_pb.js';

/**
 * How each dtype is held by ONNX Runtime: its ONNX element type, the name onnxruntime-common gives it, and the dtype
 * of its host array. The runtime has no bf16 arithmetic and no JavaScript bf16 tensors: bf16 is held as f32, exactly.
 */
const storage = {
  f64: { onnx: T.DOUBLE, ort: 'float64', host: 'f64' },
  f32: { onnx: T.FLOAT, ort: 'float32', host: 'f32' },
  f16: { onnx: T.FLOAT16, ort: 'float16', host: 'f16' },
  bf16: { onnx: T.FLOAT, ort: 'float32', host: 'f32' },
  i64: { onnx: T.INT64, ort: 'int64', host: 'i64' },
  i32: { onnx: T.INT32, ort: 'int32', host: 'i32' },
  i8: { onnx: T.INT8, ort: 'int8', host: 'i8' },
  u32: { onnx: T.UINT32, ort: 'uint32', host: 'u32' },
  u16: { onnx: T.UINT16, ort: 'uint16', host: 'u16' },
  u8: { onnx: T.UINT8, ort: 'uint8', host: 'u8' },
  bool: { onnx: T.BOOL, ort: 'bool', host: 'bool' },
} as const satisfies Record<DType, { onnx: T; ort: string; host: DType }>;

/** The element type in an ONNX file. */
export const onnxType = (dtype: DType): T => storage[dtype].onnx;

/** The element type's name in onnxruntime-common. */
export const ortType = (dtype: DType): (typeof storage)[DType]['ort'] => storage[dtype].ort;

/** The dtype whose typed array holds the elements. */
export const hostType = (dtype: DType): DType => storage[dtype].host;
