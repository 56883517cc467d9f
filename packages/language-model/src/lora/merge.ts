import { breathe, convert, EmuError, type HostTensor } from '@emu-ts/base';
import type { TensorSource } from '@emu-ts/params';
import type { LoraConfig } from '../llama/config.js';

/**
 * Low-rank updates folded into the weights they belong to, W + alpha/r · B A, and taken out again (Hu et al., "LoRA",
 * 2021, section 4.1). Views: a weight is computed when it is read.
 */

const updateName = /^(.*)\.lora_([AB])\.default\.weight$/;

/** The source with every update merged, and without the updates. Changed weights are f32. */
export function mergeLora(source: TensorSource, lora: LoraConfig): TensorSource {
  const targets = updated(source, lora);
  return changed(source, source, targets, lora.alpha / lora.r);
}

/** A merged source as it was before, given the updates that were merged into it: the weights, without the updates. */
export function unmergeLora(merged: TensorSource, updates: TensorSource, lora: LoraConfig): TensorSource {
  return changed(merged, updates, updated(updates, lora), -lora.alpha / lora.r);
}

/** Paths of the projections that have an update. */
function updated({ entries }: TensorSource, { r }: LoraConfig): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const [name, { shape }] of entries) {
    const [, path, side] = updateName.exec(name) ?? [];
    if (!path) continue;
    paths.add(path);
    const [rank, other] = side === 'A' ? [shape[0], 'B'] : [shape[1], 'A'];
    if (rank !== r)
      throw new EmuError('LORA', `${name} [${shape}] has rank ${rank}, the configuration says ${r}.`);
    if (!entries.has(`${path}.lora_${other}.default.weight`))
      throw new EmuError('LORA', `${path} has only one side of an update, lora_${side}.`);
  }
  if (!paths.size) throw new EmuError('LORA', 'The source holds no updates (…lora_A.default.weight).');
  return paths;
}

function changed(
  weights: TensorSource,
  updates: TensorSource,
  targets: ReadonlySet<string>,
  scale: number,
): TensorSource {
  const target = (name: string) => {
    const path = name.replace(/\.weight$/, '');
    return targets.has(path) ? path : undefined;
  };
  const entries = new Map(
    [...weights.entries]
      .filter(([name]) => !updateName.test(name))
      .map(([name, { shape, dtype }]) => [name, { shape, dtype: target(name) ? ('f32' as const) : dtype }]),
  );
  return {
    entries,
    async read(name, options) {
      const weight = await weights.read(name, options);
      const path = target(name);
      if (!path) return weight;
      const a = await updates.read(`${path}.lora_A.default.weight`, options);
      const b = await updates.read(`${path}.lora_B.default.weight`, options);
      return addProduct(weight, b, a, scale, options?.signal);
    },
  };
}

/** Rows computed between two turns of the event loop. */
const rowsAtOnce = 256;

/** w + scale · b a, as f32: w [n k], b [n r], a [r k]. */
async function addProduct(
  w: HostTensor,
  b: HostTensor,
  a: HostTensor,
  scale: number,
  signal: AbortSignal | undefined,
): Promise<HostTensor<'f32'>> {
  const [n, k] = w.shape;
  const rank = a.shape[0];
  const [left, right] = [convert(b, 'f32').data, convert(a, 'f32').data];
  const data = convert(w, 'f32').data.slice();
  const row = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    if (i % rowsAtOnce === 0) await breathe(signal);
    row.fill(0);
    for (let j = 0; j < rank; j++) {
      const factor = scale * left[i * rank + j];
      for (let x = 0; x < k; x++) row[x] += factor * right[j * k + x];
    }
    for (let x = 0; x < k; x++) data[i * k + x] += row[x];
  }
  return { dtype: 'f32', shape: w.shape, data };
}
