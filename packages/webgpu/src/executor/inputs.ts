import { EmuError } from '@emu-ts/base';
import { type AnyTensor, formatType, type Graph, sameType, type TensorType } from '@emu-ts/graph';

/** Compares what was given with what is wanted and throws one `INPUTS` error that lists every difference. */
export function checkInputs(
  wanted: Readonly<Record<string, TensorType>>,
  given: Readonly<Record<string, AnyTensor>>,
  weights: ReadonlySet<string>,
): void {
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

/** Throws one `DONATION` error that lists everything wrong with `donate`. */
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
