import { EmuError } from '@emu-ts/base';
import type { AnyTensor } from './executor.js';
import type { Graph } from './graph.js';
import { formatType, sameType, type TensorType } from './value.js';

/** What every executor asks of its callers, said in the same words by all: one error lists every difference. */

type Types = Readonly<Record<string, TensorType>>;
type Tensors = Readonly<Record<string, AnyTensor>>;

/**
 * Compares what a program was given with what it wants.
 * @param weights names that were given when the program was compiled
 * @throws EmuError `INPUTS`
 */
export function checkInputs(wanted: Types, given: Tensors, weights: ReadonlySet<string>): void {
  const complaints = Object.entries(wanted).flatMap(([name, type]) => {
    const tensor = given[name];
    if (!tensor) return [`'${name}' (${formatType(type)}) is missing`];
    return sameType(type, tensor) ? [] : [`'${name}' must be ${formatType(type)}, got ${formatType(tensor)}`];
  });
  for (const name of Object.keys(given)) {
    if (weights.has(name)) complaints.push(`'${name}' is a weight, given when the program was compiled`);
    else if (!wanted[name]) complaints.push(`there is no input '${name}'`);
  }
  if (complaints.length)
    throw new EmuError('INPUTS', `The inputs do not fit this program: ${complaints.join('; ')}.`);
}

/**
 * Compares weights with the inputs of their names. Those that the graph has no input for are left alone: they may serve
 * another program.
 * @throws EmuError `WEIGHTS`
 */
export function checkWeights(inputs: Types, weights: Tensors): void {
  const complaints = Object.entries(inputs)
    .filter(([name, type]) => weights[name] && !sameType(type, weights[name]))
    .map(([name, type]) => `'${name}' must be ${formatType(type)}, got ${formatType(weights[name])}`);
  if (complaints.length)
    throw new EmuError('WEIGHTS', `The weights do not fit this graph: ${complaints.join('; ')}.`);
}

/**
 * Makes sure that every donated input has an output of its own, of its type.
 * @throws EmuError `DONATION`
 */
export function checkDonation({ inputs, outputs }: Graph, donate: Readonly<Record<string, string>>): void {
  const complaints = Object.entries(donate).flatMap(([input, output]) => {
    const [from, to] = [inputs[input], outputs[output]];
    if (!from) return [`the graph has no input '${input}'`];
    if (!to) return [`the graph has no output '${output}' for '${input}'`];
    return sameType(from, to)
      ? []
      : [`input '${input}' is ${formatType(from)}, output '${output}' is ${formatType(to)}`];
  });
  const targets = Object.values(donate);
  for (const output of new Set(targets.filter((name, i) => targets.indexOf(name) !== i)))
    complaints.push(`output '${output}' would take the place of several inputs`);
  if (complaints.length) throw new EmuError('DONATION', `Cannot donate: ${complaints.join('; ')}.`);
}
