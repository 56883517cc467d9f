import { EmuError, type HostTensor } from '@emu-ts/base';
import { type AnyTensor, formatType, isDeviceTensor } from '@emu-ts/graph';
import type { Handle, Runtime } from './runtime.js';
import { held, OnnxTensor } from './tensor.js';

/** What a runtime is fed: the handle of its own tensor, or a host tensor as it is held. */
export function feedOf(tensor: AnyTensor, runtime: Runtime): Handle | HostTensor {
  if (tensor instanceof OnnxTensor) return tensor.handleOn(runtime);
  if (isDeviceTensor(tensor))
    throw new EmuError('FOREIGN_TENSOR', `This ${formatType(tensor)} tensor lives on another executor.`, {
      hint: 'Read it there and upload it here.',
    });
  return held(tensor);
}
