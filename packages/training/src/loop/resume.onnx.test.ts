import { onnx } from '@emu-ts/onnx';
import * as ort from 'onnxruntime-node';
import { describeResume } from '../testing/resume.js';

describeResume('onnx', async () => onnx({ ort }));
