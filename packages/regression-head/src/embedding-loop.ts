import { type CallOptions, EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { LanguageModel, LanguageModelSession, RegressionHead } from '@emu-ts/contracts';
import { type AnyTensor, type DeviceTensor, isDeviceTensor } from '@emu-ts/graph';

/** Rows of input embeddings that end with `[IMG]`, brought to one length by leading positions that hold nothing. */
export interface ImagePrompts {
  /** f32 `[rows t width]` */
  readonly embeddings: AnyTensor;
  /** `[rows]` leading positions that hold nothing. */
  readonly padding: readonly number[];
}

export interface EmbeddingLoopOptions extends CallOptions {
  readonly prompts: ImagePrompts;
  /** Embeddings per image. */
  readonly queries: number;
}

export interface GeneratedEmbeddings {
  /** f32 `[rows queries embeddingWidth]` */
  readonly embeddings: HostTensor<'f32'>;
  /** What it cost: passes over a whole prompt, and passes over one position. */
  readonly passes: { readonly prefill: number; readonly step: number };
}

/**
 * Predicts the embeddings of one image per row, each from all before it. What the head says at `[IMG]` is the first; it
 * is fed back as the next input, and so on. Earlier inputs never change and attention is causal, so one pass over the
 * prompts and `queries − 1` passes over one position give exactly what the reference computes with `queries` passes
 * over everything. Nothing is drawn at random.
 *
 * The prompt and the empty prompt of classifier-free guidance go through it as two rows of one batch.
 *
 * @throws EmuError `CONTEXT_LENGTH` when prompt and embeddings exceed the model's context
 */
export async function generateImageEmbeddings(
  model: LanguageModel,
  head: RegressionHead,
  { prompts: { embeddings, padding }, queries, signal, onProgress }: EmbeddingLoopOptions,
): Promise<GeneratedEmbeddings> {
  const [rows, length] = embeddings.shape;
  const capacity = length + queries - 1;
  if (capacity > model.contextLength) {
    throw new EmuError(
      'CONTEXT_LENGTH',
      `The prompt has ${length} positions and the image ${queries - 1} more; the model's context has ${model.contextLength}.`,
      { hint: 'Shorten the text or give fewer images.' },
    );
  }
  const out = tensor('f32', [rows, queries, head.embeddingWidth]);
  const passes = { prefill: 0, step: 0 };
  using session = await model.open({ batch: rows, capacity, signal });
  // Everything stays on the device until the image is complete: the loop itself waits for no copy and, so that passes
  // queue up, gives them no signal, which is looked at between them.
  const predicted: DeviceTensor[] = [];
  try {
    for (let k = 0; k < queries; k++) {
      signal?.throwIfAborted();
      const hidden = k
        ? await feed(session, head, predicted[k - 1])
        : await session.prefill(embeddings, { padding, signal, onProgress });
      passes[k ? 'step' : 'prefill']++;
      predicted.push(await predict(head, hidden));
      onProgress?.({ phase: 'embed', component: 'regression-head', loaded: k + 1, total: queries });
    }
    const read = await Promise.all(predicted.map((embedding) => embedding.read({ signal })));
    for (const [k, { data }] of read.entries()) write(out, k, data as Float32Array);
  } finally {
    for (const embedding of predicted) embedding.dispose();
  }
  return { embeddings: out, passes };
}

/** One step of the session on a predicted embedding. */
async function feed(
  session: LanguageModelSession,
  head: RegressionHead,
  next: DeviceTensor,
): Promise<AnyTensor> {
  if (!head.feedback) return session.step(next);
  using input = await head.feedback(next);
  return await session.step(input);
}

/** Asks the head, and lets go of the hidden state. */
async function predict(head: RegressionHead, hidden: AnyTensor): Promise<DeviceTensor> {
  try {
    return await head.predict(hidden);
  } finally {
    if (isDeviceTensor(hidden)) hidden.dispose();
  }
}

/** Puts one embedding per row, `[rows width]`, at place `k` of `[rows queries width]`. */
function write(out: HostTensor<'f32'>, k: number, data: Float32Array): void {
  const [rows, queries, width] = out.shape;
  for (let row = 0; row < rows; row++)
    out.data.set(data.subarray(row * width, (row + 1) * width), (row * queries + k) * width);
}
