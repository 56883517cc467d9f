import { EmuError, ShapeError, tensor } from '@emu-ts/base';
import { type AnyTensor, type DeviceTensor, formatType, isDeviceTensor, size } from '@emu-ts/graph';
import { cutGraph, type GraphSettings, type RunGraph, spliceGraph } from './graphs.js';

/** Looks up ids and puts image embeddings between them, without either coming back to the host. */
export async function splice(
  settings: GraphSettings,
  ids: readonly (readonly number[])[],
  slots: readonly number[],
  embeddings: AnyTensor,
  run: RunGraph,
): Promise<DeviceTensor> {
  const { width } = settings.model;
  const [rows, length] = [ids.length, ids[0]?.length ?? 0];
  const { shape } = embeddings;
  const count = size(embeddings) / width;
  if (shape[shape.length - 1] !== width)
    throw new ShapeError(`splice: embeddings are [… ${width}], got ${formatType(embeddings)}.`);
  if (slots.length !== rows * length || slots.some((slot) => slot >= count))
    throw new ShapeError(`splice: ${rows * length} slots below ${count} are wanted, got [${slots}].`);
  const inputs = {
    ids: tensor('i32', [slots.length], ids.flat()),
    slots: tensor('i32', [slots.length], slots),
  };
  const place = (given: AnyTensor) =>
    run(`splice ${rows} ${length} ${shape}`, () => spliceGraph(settings, rows, length, shape), {
      ...inputs,
      embeddings: given,
    });
  try {
    return (await place(embeddings)).embeddings;
  } catch (error) {
    // What made the embeddings may run elsewhere than what reads them.
    const foreign = error instanceof EmuError && error.code === 'FOREIGN_TENSOR';
    if (!foreign || !isDeviceTensor(embeddings)) throw error;
    return (await place(await embeddings.read())).embeddings;
  }
}

/** Positions `start` … `start + count − 1` of every row of [b t width]; beyond the end, the last one again. */
export async function cut(
  settings: GraphSettings,
  embeddings: DeviceTensor,
  start: number,
  count: number,
  run: RunGraph,
): Promise<DeviceTensor> {
  const [b, t] = embeddings.shape;
  const places = tensor('i32', [b * count]);
  for (let i = 0; i < places.data.length; i++)
    places.data[i] = Math.floor(i / count) * t + Math.min(start + (i % count), t - 1);
  const graph = () => cutGraph(settings, b, t, count);
  return (await run(`cut ${b} ${t} ${count}`, graph, { embeddings, places })).part;
}
