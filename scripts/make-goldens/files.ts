import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HostTensor } from '@emu-ts/base';
import { encodeSafetensors } from '@emu-ts/checkpoint';
import type { Value } from '../../packages/checkpoint/test/pickle-writer.js';
import { stored, torchZip, tensor as view } from '../../packages/checkpoint/test/torch-files.js';
import type { Recipe } from './recipe.js';
import type { Tensors } from './weights.js';

/** Writes a file inside the folder, making the folders on its way. */
export async function write(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}

export const writeJson = (folder: string, name: string, value: unknown): Promise<void> =>
  write(folder, name, `${JSON.stringify(value, null, 1)}\n`);

/** Weights in the recipe's format, whatever the file is called. */
export const encodeWeights = (tensors: Tensors, { format, wrapped }: Recipe): Uint8Array =>
  format === 'safetensors' ? encodeSafetensors(tensors) : encodeTorch(tensors, wrapped);

const storageTypes: Partial<Record<HostTensor['dtype'], string>> = {
  f32: 'FloatStorage',
  bf16: 'BFloat16Storage',
  i64: 'LongStorage',
};

function encodeTorch(tensors: Tensors, wrapped: boolean): Uint8Array {
  const storages = [...tensors.values()].map(({ dtype, data }, i) => {
    const type = storageTypes[dtype];
    if (!type) throw new Error(`No PyTorch storage is known for ${dtype}.`);
    return stored(String(i), type, data);
  });
  const named = new Map<Value, Value>(
    [...tensors].map(([name, { shape }], i) => [name, view(storages[i], shape)]),
  );
  return torchZip(wrapped ? new Map<Value, Value>([['module', named]]) : named, storages);
}

/** A SentencePiece model with some of its pieces: those whose place in the list is wanted. */
export function keepPieces(model: Uint8Array, wanted: (piece: number) => boolean): Uint8Array {
  const out: number[] = [];
  let piece = 0;
  for (let at = 0; at < model.length; ) {
    const start = at;
    const varint = () => {
      let value = 0;
      for (let shift = 1; ; shift *= 128) {
        const byte = model[at++];
        value += (byte % 128) * shift;
        if (byte < 128) return value;
      }
    };
    // Every field of the file is a message: a key, a length, the bytes. Field 1 holds a piece.
    const key = varint();
    if (key % 8 !== 2) throw new Error(`Field ${key >> 3} of the tokenizer model is no message.`);
    at = varint() + at;
    if (key >> 3 !== 1 || wanted(piece++)) out.push(...model.subarray(start, at));
  }
  return Uint8Array.from(out);
}
