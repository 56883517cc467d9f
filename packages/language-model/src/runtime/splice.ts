import { ShapeError, tensor } from '@emu-ts/base';
import { type AnyTensor, type DeviceTensor, formatType, size } from '@emu-ts/graph';
import { cutGraph, type GraphSettings, type RunGraph, spliceGraph } from './graphs.js';

/** Looks up ids and puts image embeddings between them, without either coming back to the host. */
export async function splice(
  settings: GraphSettings,
  ids: readonly (readonly number[])[],
  slots: readonly number[],
  embeddings: readonly AnyTensor[],
  run: RunGraph,
): Promise<DeviceTensor> {
  const { width } = settings.model;
  const [rows, length] = [ids.length, ids[0]?.length ?? 0];
  const shapes = embeddings.map(({ shape }) => shape);
  const count = embeddings.reduce((sum, part) => sum + size(part) / width, 0);
  const odd = embeddings.find(({ shape }) => shape[shape.length - 1] !== width);
  if (odd) throw new ShapeError(`splice: embeddings are [… ${width}], got ${formatType(odd)}.`);
  if (slots.length !== rows * length || slots.some((slot) => slot >= count))
    throw new ShapeError(`splice: ${rows * length} slots below ${count} are wanted, got [${slots}].`);
  const graph = () => spliceGraph(settings, rows, length, shapes);
  const placed = await run(`splice ${rows} ${length} ${shapes.join(' ')}`, graph, {
    ids: tensor('i32', [slots.length], ids.flat()),
    slots: tensor('i32', [slots.length], slots),
    ...Object.fromEntries(embeddings.map((part, i) => [`embeddings ${i}`, part])),
  });
  return placed.embeddings;
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
