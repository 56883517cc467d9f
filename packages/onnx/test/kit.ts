import * as ort from 'onnxruntime-node';
import { type OnnxExecutor, type OnnxOptions, onnx } from '../src/index.js';

/** The executor on onnxruntime-node. */
export const create = (options: OnnxOptions = {}): Promise<OnnxExecutor> => onnx({ ort, ...options });
