import { isFloat } from '@emu-ts/base';
import { input, pullback, type Value } from '@emu-ts/graph';

type Values = Readonly<Record<string, Value>>;

/** The cotangents of all float inputs, for random cotangents of all float outputs; those are inputs named `d …`. */
export function cotangentsOf(
  inputs: Values,
  outputs: Values,
): { gradients: Record<string, Value>; seeds: Record<string, Value> } {
  const seeds = Object.fromEntries(
    Object.entries(outputs)
      .filter(([, { dtype }]) => isFloat(dtype))
      .map(([name, type]) => [`d ${name}`, input(`d ${name}`, type)]),
  );
  const wrt = Object.entries(inputs).filter(([, { dtype }]) => isFloat(dtype));
  const pulled = pullback(
    Object.keys(seeds).map((name) => [outputs[name.slice(2)], seeds[name]] as const),
    wrt.map(([, value]) => value),
  );
  const gradients = Object.fromEntries(
    wrt.flatMap(([name], i) => (pulled[i] ? [[`gradient ${name}`, pulled[i] as Value]] : [])),
  );
  return { gradients, seeds };
}
