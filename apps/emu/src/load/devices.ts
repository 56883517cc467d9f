import { EmuError } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { Belongings } from '../components.js';
import {
  chooseExecutor,
  createExecutor,
  type ExecutorName,
  type ExecutorOptions,
  executorNames,
} from './executors.js';
import { precisionOf } from './precision.js';

/** `auto` takes the fastest executor this machine has: WebGPU on a graphics card, else ONNX Runtime, else gpu.js. */
export type DeviceName = 'auto' | ExecutorName;
export const deviceNames: readonly DeviceName[] = ['auto', ...executorNames];

/** The components that can be placed. */
export const placeable = [
  'visual-encoder',
  'causal-transformer',
  'language-model',
  'regression-head',
  'image-decoder',
] as const;
export type Placeable = (typeof placeable)[number];

/** One device for all, or one for each component beside a default; or an executor of the caller's. */
export type DeviceOption =
  | DeviceName
  | Executor
  | Readonly<Partial<Record<Placeable | 'default', DeviceName | Executor>>>;

const make = async (name: DeviceName, options: ExecutorOptions): Promise<Executor> =>
  name === 'auto' ? (await chooseExecutor(options)).executor : createExecutor(name, options);

/**
 * Gives each component its executor, making each device once, when a component first needs it. Throws `OPTION` where a
 * component, a device or a precision does not exist.
 */
export function devices(
  option: DeviceOption,
  belongings: Belongings,
  options: ExecutorOptions = {},
): (component: Placeable) => Promise<Executor> {
  precisionOf(options.precision ?? 'exact');
  const made = new Map<DeviceName, Promise<Executor>>();
  const byName = (name: DeviceName): Promise<Executor> => {
    const executor = made.get(name) ?? make(name, options).then((created) => belongings.add(created));
    made.set(name, executor);
    return executor;
  };
  const wanted = placement(option);
  return async (component) => {
    const device = wanted[component];
    return typeof device === 'string' ? byName(device) : device;
  };
}

/** The device of every component. Throws `OPTION` where a component or a device does not exist. */
export function placement(option: DeviceOption): Readonly<Record<Placeable, DeviceName | Executor>> {
  const given = typeof option === 'string' || 'compile' in option ? { default: option } : option;
  for (const [component, device] of Object.entries(given)) {
    if (component !== 'default' && !placeable.includes(component as Placeable))
      throw new EmuError(
        'OPTION',
        `There is no component '${component}'; there are ${placeable.join(', ')}.`,
      );
    if (typeof device === 'string' && !deviceNames.includes(device))
      throw new EmuError('OPTION', `There is no device '${device}'; there are ${deviceNames.join(', ')}.`);
  }
  const of = (component: Placeable) => given[component] ?? given.default ?? 'auto';
  return Object.fromEntries(placeable.map((component) => [component, of(component)])) as Record<
    Placeable,
    DeviceName | Executor
  >;
}

/**
 * A placement as the command line has it: devices and COMPONENT=DEVICE, separated by commas. `webgpu` is for everything;
 * `language-model=webgpu,onnx` runs the language model on WebGPU and all else on ONNX Runtime.
 */
export function parsePlacement(text: string): DeviceOption {
  const given: Record<string, DeviceName> = {};
  for (const part of text.split(',').map((word) => word.trim())) {
    const [left, right, more] = part.split('=');
    if (!left || right === '' || more !== undefined)
      throw new EmuError('OPTION', `--device got '${part}', wanted DEVICE or COMPONENT=DEVICE.`);
    const component = right === undefined ? 'default' : left;
    const device = (right ?? left) as DeviceName;
    if (given[component])
      throw new EmuError(
        'OPTION',
        `--device names two devices for ${component === 'default' ? 'everything' : component}: ${given[component]} and ${device}.`,
      );
    given[component] = device;
  }
  placement(given);
  return given;
}
