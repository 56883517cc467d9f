import { EmuError, type HostTensor } from '@emu-ts/base';
import { type AnyTensor, formatType, isDeviceTensor, sameType, type TensorType } from '@emu-ts/graph';
import type { Handle, Runtime } from './runtime.js';
import { held, OnnxTensor } from './tensor.js';

/** Compares what was given with what is wanted and throws one error that lists every difference. */
export function checkInputs(
  wanted: Readonly<Record<string, TensorType>>,
  given: Readonly<Record<string, AnyTensor>>,
  fixed: ReadonlySet<string>,
): void {
  const complaints = Object.entries(wanted).flatMap(([name, type]) => {
    const tensor = given[name];
    if (!tensor) return [`'${name}' (${formatType(type)}) is missing`];
    return sameType(type, tensor) ? [] : [`'${name}' must be ${formatType(type)}, got ${formatType(tensor)}`];
  });
  for (const name of Object.keys(given)) {
    if (fixed.has(name)) complaints.push(`'${name}' is a weight, given when the program was compiled`);
    else if (!wanted[name]) complaints.push(`there is no input '${name}'`);
  }
  if (!complaints.length) return;
  throw new EmuError('INPUTS', `The inputs do not fit this program: ${complaints.join('; ')}.`);
}

/** Throws one `WEIGHTS` error that lists every weight which does not fit the graph's input of its name. */
export function checkWeights(
  inputs: Readonly<Record<string, TensorType>>,
  given: Readonly<Record<string, AnyTensor>>,
): void {
  const complaints = Object.entries(inputs)
    .filter(([name, type]) => given[name] && !sameType(type, given[name]))
    .map(([name, type]) => `'${name}' must be ${formatType(type)}, got ${formatType(given[name])}`);
  if (complaints.length)
    throw new EmuError('WEIGHTS', `The weights do not fit this graph: ${complaints.join('; ')}.`);
}

/** What a runtime is fed: the handle of its own tensor, or a host tensor as it is held. */
export function feedOf(tensor: AnyTensor, runtime: Runtime): Handle | HostTensor {
  if (tensor instanceof OnnxTensor) return tensor.handleOn(runtime);
  if (isDeviceTensor(tensor))
    throw new EmuError('FOREIGN_TENSOR', `This ${formatType(tensor)} tensor lives on another executor.`, {
      hint: 'Read it there and upload it here.',
    });
  return held(tensor);
}
