import { EmuError } from '@emu-ts/base';
import { formatType, input, sameType, type TensorType, type Value } from '@emu-ts/graph';

/** Gives the graph input of a name: the same value every time it is asked for. */
export type Port = (name: string, type: TensorType) => Value;

export function ports(): Port {
  const made = new Map<string, Value>();
  return (name, type) => {
    const value = made.get(name) ?? input(name, type);
    if (!sameType(value, type)) {
      throw new EmuError(
        'DUPLICATE_INPUT',
        `Two inputs of this step are named '${name}': ${formatType(value)} and ${formatType(type)}.`,
        { hint: 'Name batch inputs unlike weights.' },
      );
    }
    made.set(name, value);
    return value;
  };
}
