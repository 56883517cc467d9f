import { EmuError, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import type { LanguageModel, LanguageModelSession } from '@emu-ts/contracts';
import { type AnyTensor, type DeviceTensor, isDeviceTensor } from '@emu-ts/graph';

/**
 * A language model that looks at the last token only: row i of the table holds the logits after token i. Embeddings are
 * one-hot rows, hidden states the embedding of the last position. Everything about a search can be worked out by hand,
 * and it shows that the contract can be met without a graph.
 */
export function bigramModel(table: readonly (readonly number[])[]): LanguageModel & { calls: string[] } {
  const vocabSize = table.length;
  const calls: string[] = [];
  const oneHot = (ids: readonly number[]) => {
    const rows = tensor('f32', [ids.length, vocabSize]);
    ids.forEach((id, i) => {
      if (!(id >= 0 && id < vocabSize)) throw new EmuError('TOKEN_ID', `Token id ${id}.`);
      rows.data[i * vocabSize + id] = 1;
    });
    return rows;
  };
  return {
    calls,
    width: vocabSize,
    vocabSize,
    contextLength: 32,
    embed: async (ids) => oneHot(ids),
    async logits(hidden) {
      const rows = toF64(await host(hidden));
      const out = tensor('f32', [rows.length / vocabSize, vocabSize]);
      for (let i = 0; i < out.data.length; i++) {
        const row = Math.floor(i / vocabSize) * vocabSize;
        out.data[i] = table.reduce((sum, next, j) => sum + rows[row + j] * next[i % vocabSize], 0);
      }
      return held(out);
    },
    async open({ batch, capacity }) {
      calls.push(`open ${batch} ${capacity}`);
      return session(batch, capacity, oneHot, calls);
    },
    async score() {
      throw new EmuError('UNSUPPORTED', 'No test scores with this model.');
    },
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

function session(
  batch: number,
  capacity: number,
  oneHot: (ids: readonly number[]) => HostTensor<'f32'>,
  calls: string[],
): LanguageModelSession {
  let length = 0;
  const last = (x: HostTensor): HostTensor => {
    const [rows, t, width] = x.shape;
    const out = tensor('f32', [rows, width]);
    for (let row = 0; row < rows; row++)
      out.data.set(
        (x.data as Float32Array).subarray((row * t + t - 1) * width, (row + 1) * t * width),
        row * width,
      );
    return out;
  };
  const dispose = () => {
    calls.push('dispose');
  };
  return {
    get batch() {
      return batch;
    },
    get length() {
      return length;
    },
    capacity,
    async prefill(embeddings, { positions, signal } = {}) {
      signal?.throwIfAborted();
      const x = await host(embeddings);
      calls.push(`prefill ${x.shape[0]} ${x.shape[1]}`);
      length += x.shape[1];
      return positions === 'all' ? x : last(x);
    },
    async step(next, { signal } = {}) {
      signal?.throwIfAborted();
      calls.push(`step ${Array.isArray(next) ? next : 'embedding'}`);
      length++;
      if (Array.isArray(next)) return held(oneHot(next));
      return held(await host(next as AnyTensor));
    },
    async reorder(parents, { signal } = {}) {
      signal?.throwIfAborted();
      calls.push(`reorder ${parents}`);
      batch = parents.length;
    },
    truncate(to) {
      calls.push(`truncate ${to}`);
      length = to;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

const host = async (t: AnyTensor): Promise<HostTensor> => (isDeviceTensor(t) ? t.read() : t);

const held = (t: HostTensor): DeviceTensor => ({
  dtype: t.dtype,
  shape: t.shape,
  read: async () => t,
  dispose: () => {},
  [Symbol.dispose]: () => {},
});
