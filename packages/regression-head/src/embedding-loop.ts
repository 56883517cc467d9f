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

export interface PredictedEmbeddings {
  /** f32 `[rows queries embeddingWidth]`, where they were predicted if the head can leave them there. The caller disposes it. */
  readonly embeddings: AnyTensor;
  /** What it cost: passes over a whole prompt, and passes over one position. */
  readonly passes: { readonly prefill: number; readonly step: number };
}

export interface GeneratedEmbeddings extends PredictedEmbeddings {
  readonly embeddings: HostTensor<'f32'>;
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
export async function predictImageEmbeddings(
  model: LanguageModel,
  head: RegressionHead,
  { prompts: { embeddings, padding }, queries, signal, onProgress }: EmbeddingLoopOptions,
): Promise<PredictedEmbeddings> {
  const [rows, length] = embeddings.shape;
  const capacity = length + queries - 1;
  if (capacity > model.contextLength) {
    throw new EmuError(
      'CONTEXT_LENGTH',
      `The prompt has ${length} positions and the image ${queries - 1} more; the model's context has ${model.contextLength}.`,
      { hint: 'Shorten the text or give fewer images.' },
    );
  }
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
    const stacked = head.stack ? await head.stack(predicted) : await readAll(predicted, { signal });
    return { embeddings: stacked, passes };
  } finally {
    for (const embedding of predicted) embedding.dispose();
  }
}

/** The same, with the embeddings in host memory. */
export async function generateImageEmbeddings(
  model: LanguageModel,
  head: RegressionHead,
  options: EmbeddingLoopOptions,
): Promise<GeneratedEmbeddings> {
  const { embeddings, passes } = await predictImageEmbeddings(model, head, options);
  if (!isDeviceTensor(embeddings)) return { embeddings: embeddings as HostTensor<'f32'>, passes };
  using held = embeddings;
  return { embeddings: (await held.read({ signal: options.signal })) as HostTensor<'f32'>, passes };
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

/** Reads embeddings [rows width], one after the other, as [rows n width]. */
async function readAll(predicted: readonly DeviceTensor[], options: CallOptions): Promise<HostTensor<'f32'>> {
  const [rows, width] = predicted[0].shape;
  const out = tensor('f32', [rows, predicted.length, width]);
  const read = await Promise.all(predicted.map((embedding) => embedding.read(options)));
  for (const [k, { data }] of read.entries())
    for (let row = 0; row < rows; row++) {
      const one = (data as Float32Array).subarray(row * width, (row + 1) * width);
      out.data.set(one, (row * predicted.length + k) * width);
    }
  return out;
}
