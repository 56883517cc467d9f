import { onnx } from '@emu-ts/onnx';
import * as ort from 'onnxruntime-node';
import { describeResume } from '../../test/resume.js';

describeResume('onnx', async () => onnx({ ort }));
