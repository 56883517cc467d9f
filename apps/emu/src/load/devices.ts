import { EmuError } from '@emu-ts/base';
import { type Executor, interpreter } from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import type { Belongings } from '../components.js';

/** `auto` takes the fastest executor this machine has; `reference` is the f64 interpreter, for small models only. */
export type DeviceName = 'auto' | 'onnx' | 'reference';

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

/** Gives each component its executor, making each device once. */
export function devices(
  option: DeviceOption,
  belongings: Belongings,
): (component: Placeable) => Promise<Executor> {
  const made = new Map<DeviceName, Promise<Executor>>();
  const byName = (name: DeviceName): Promise<Executor> => {
    const executor = made.get(name) ?? create(name).then((created) => belongings.add(created));
    made.set(name, executor);
    return executor;
  };
  const perComponent = typeof option === 'string' || 'compile' in option ? { default: option } : option;
  const unknown = Object.keys(perComponent).filter(
    (name) => name !== 'default' && !placeable.includes(name as Placeable),
  );
  if (unknown.length) {
    throw new EmuError(
      'OPTION',
      `There is no component '${unknown.join("', '")}'; there are ${placeable.join(', ')}.`,
    );
  }
  return async (component) => {
    const wanted = perComponent[component] ?? perComponent.default ?? 'auto';
    return typeof wanted === 'string' ? byName(wanted) : wanted;
  };
}

async function create(name: DeviceName): Promise<Executor> {
  if (name === 'reference') return interpreter();
  return onnx({ ort: await onnxRuntime() });
}

/** ONNX Runtime's native library in Node, its WebAssembly build elsewhere. */
export async function onnxRuntime() {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new EmuError('ONNX_MISSING', 'onnxruntime-node could not be loaded.', {
      hint: 'Install it with: npm install onnxruntime-node --ignore-scripts',
      cause,
    });
  }
}
