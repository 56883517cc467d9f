import { type CallOptions, convert, type HostTensor } from '@emu-ts/base';
import { type FloatDType, memoryCheckpoint, writeSafetensors } from '@emu-ts/checkpoint';
import type { TensorSource } from '@emu-ts/params';
import { node, writeDirectoryAtomic, writeFlushed } from '../files/atomic.js';

export interface AdapterOptions extends CallOptions {
  readonly r: number;
  readonly alpha: number;
  /** What training left out of the inputs; a note for whoever trains on. */
  readonly dropout?: number | undefined;
  /** Write the tables of tokens and of logits too, whole, as peft does where new tokens were trained. Default false. */
  readonly tables?: boolean | undefined;
  /** Default f32. */
  readonly dtype?: FloatDType | undefined;
  /** Where the language model stands in the checkpoint. Default `decoder.lm.`, Emu's. */
  readonly prefix?: string | undefined;
}

const table = /\.(embed_tokens|lm_head)\.weight$/;

/** A low-rank matrix: what comes before, the projection, and the side. */
const matrix = /^(.*\.([A-Za-z0-9_]+))\.lora_([AB])\.default\.weight$/;

/**
 * Writes low-rank updates as peft keeps adapters: a directory with `adapter_model.safetensors`, under names that begin
 * with `base_model.model.` and leave the adapter's name out, and `adapter_config.json`. The base weights are not in it.
 */
export async function saveAdapter(
  dir: string,
  weights: TensorSource,
  { r, alpha, dropout = 0, prefix = 'decoder.lm.', tables = false, dtype = 'f32', signal }: AdapterOptions,
): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  const targets = new Set<string>();
  for (const name of weights.entries.keys()) {
    const inside = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
    const read = async () => convert(await weights.read(name, { signal }), dtype);
    const [, path, projection, side] = matrix.exec(name) ?? [];
    if (path) {
      targets.add(projection);
      tensors.set(`${inside(path)}.lora_${side}.weight`, await read());
    } else if (tables && table.test(name)) tensors.set(inside(name), await read());
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
    ...(tables ? { modules_to_save: ['embed_tokens', 'lm_head'] } : {}),
  };
  const { path } = await node();
  await writeDirectoryAtomic(dir, async (pending) => {
    const file = path.join(pending, 'adapter_model.safetensors');
    await writeSafetensors(file, memoryCheckpoint(tensors), { metadata: { format: 'pt' }, signal });
    await writeFlushed(path.join(pending, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
  });
}
