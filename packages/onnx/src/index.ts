export { OnnxExecutor, type OnnxOptions, onnx } from './executor/onnx.js';
export type { Ort, SessionOptions } from './executor/ort.js';
export type { OnnxProgram } from './executor/program.js';
export type { Holdings } from './executor/runtime.js';
export type { OnnxTensor } from './executor/tensor.js';
export type { ExportSource } from './export/build.js';
export {
  type Exported,
  type ExportOptions,
  exportOnnx,
  type ModelOptions,
  onnxModel,
} from './export/export.js';
export type { LoweringContext, NativeLowering, NodeView, Operand } from './lower/context.js';
export { microsoft } from './model/builder.js';
export { float } from './model/protos.js';
export {
  embeddedConv2d,
  nativeLowerings,
  type QuantizedActivations,
  quantizedLinear,
  standardLowerings,
} from './native/index.js';
