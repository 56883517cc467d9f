import { EmuError } from '@emu-ts/base';
import { type AnyTensor, formatType, type Graph, sameType, type TensorType } from '@emu-ts/graph';

type Types = Readonly<Record<string, TensorType>>;
type Tensors = Readonly<Record<string, AnyTensor>>;

/** Compares what was given with what is wanted; one `INPUTS` error lists every difference. */
export function checkInputs(wanted: Types, given: Tensors, weights: Types): void {
  const complaints = Object.entries(wanted).flatMap(([name, type]) => {
    const tensor = given[name];
    if (!tensor) return [`'${name}' (${formatType(type)}) is missing`];
    return sameType(type, tensor) ? [] : [`'${name}' must be ${formatType(type)}, got ${formatType(tensor)}`];
  });
  for (const name of Object.keys(given)) {
    if (wanted[name]) continue;
    complaints.push(
      weights[name]
        ? `'${name}' is a weight, given when the program was compiled`
        : `there is no input '${name}'`,
    );
  }
  if (complaints.length)
    throw new EmuError('INPUTS', `The inputs do not fit this program: ${complaints.join('; ')}.`);
}

/** One `WEIGHTS` error lists every weight that does not fit the input of its name. */
export function checkWeights(inputs: Types, weights: Tensors): void {
  const complaints = Object.entries(inputs)
    .filter(([name, type]) => weights[name] && !sameType(type, weights[name]))
    .map(([name, type]) => `'${name}' must be ${formatType(type)}, got ${formatType(weights[name])}`);
  if (complaints.length)
    throw new EmuError('WEIGHTS', `The weights do not fit this graph: ${complaints.join('; ')}.`);
}

/** One `DONATION` error lists every donated input that has no output of its own and its type. */
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
