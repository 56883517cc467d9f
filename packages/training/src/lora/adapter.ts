import type { CallOptions, HostTensor } from '@emu-ts/base';
import { memoryCheckpoint, writeSafetensors } from '@emu-ts/checkpoint';
import type { TensorSource } from '@emu-ts/params';
import { node, writeDirectoryAtomic, writeFlushed } from '../files/atomic.js';

export interface AdapterOptions extends CallOptions {
  readonly r: number;
  readonly alpha: number;
  /** What training left out of the inputs; a note for whoever trains on. */
  readonly dropout?: number | undefined;
  /** Where the language model stands in the checkpoint. Default `decoder.lm.`, Emu's. */
  readonly prefix?: string | undefined;
}

/** A low-rank matrix: what comes before, the projection, and the side. */
const matrix = /^(.*\.([A-Za-z0-9_]+))\.lora_([AB])\.default\.weight$/;

/**
 * Writes low-rank updates as peft keeps adapters: a directory with `adapter_model.safetensors`, under names that begin
 * with `base_model.model.` and leave the adapter's name out, and `adapter_config.json`. The base weights are not in it.
 */
export async function saveAdapter(
  dir: string,
  weights: TensorSource,
  { r, alpha, dropout = 0, prefix = 'decoder.lm.', signal }: AdapterOptions,
): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  const targets = new Set<string>();
  for (const name of weights.entries.keys()) {
    const [, path, projection, side] = matrix.exec(name) ?? [];
    if (!path) continue;
    targets.add(projection);
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : path;
    tensors.set(`${inside}.lora_${side}.weight`, await weights.read(name, { signal }));
  }
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    r,
    lora_alpha: alpha,
    lora_dropout: dropout,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: [...targets].sort(),
  };
  const { path } = await node();
  await writeDirectoryAtomic(dir, async (pending) => {
    const file = path.join(pending, 'adapter_model.safetensors');
    await writeSafetensors(file, memoryCheckpoint(tensors), { metadata: { format: 'pt' }, signal });
    await writeFlushed(path.join(pending, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
  });
}
