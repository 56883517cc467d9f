import { type CallOptions, EmuError, tensor } from '@emu-ts/base';
import type { LanguageModel, LanguageModelSession } from '@emu-ts/contracts';
import { takeHost } from '../host.js';
import { logSumExp } from '../log-softmax.js';
import { readLogits, rowOf } from './logits.js';
import type { Prompt } from './prompt.js';

export interface RankOptions extends CallOptions {
  /** Candidates scored at a time; default as many as keep the logits under 64 MB. */
  readonly batch?: number | undefined;
}

export interface Ranking {
  /** `[candidates]` what each costs; lower is more likely. */
  readonly costs: readonly number[];
  /** `[candidates]` indices of the candidates, the most likely first. */
  readonly order: readonly number[];
}

const logitBudget = 64 * 1024 * 1024;

/**
 * Orders answers by how likely the model finds them. A candidate costs the sum of its tokens' negative log-likelihoods
 * over (prompt length + candidate length − 1), as the reference ranks dialogue answers. The prompt is read once, the
 * candidates in batches.
 *
 * @param prompt one row
 * @param candidates token ids without begin and end tokens, each at least one
 */
export async function rank(
  model: LanguageModel,
  prompt: Prompt,
  candidates: readonly (readonly number[])[],
  { batch, signal, onProgress }: RankOptions = {},
): Promise<Ranking> {
  const [rows, length] = prompt.embeddings.shape;
  const longest = Math.max(...candidates.map((ids) => ids.length));
  check(rows, length, longest, candidates, model);
  const size = Math.min(
    candidates.length,
    batch ?? Math.max(1, Math.floor(logitBudget / (4 * model.vocabSize * longest))),
  );

  using session = await model.open({ batch: 1, capacity: length + longest - 1, signal });
  const read = await session.prefill(prompt.embeddings, { padding: prompt.padding, signal });
  const first = await readLogits(model, read, { signal });
  const costs = candidates.map(([token]) => negativeLogLikelihood(first, token));
  if (longest > 1) {
    await session.reorder(new Array<number>(size).fill(0), { signal });
    for (let start = 0; start < candidates.length; start += size) {
      onProgress?.({ phase: 'rank', loaded: start, total: candidates.length });
      const group = candidates.slice(start, start + size);
      const rests = await continuationCosts(model, session, group, longest, signal);
      rests.forEach((cost, i) => {
        costs[start + i] += cost;
      });
      session.truncate(length);
    }
  }
  const normalised = costs.map((cost, i) => cost / (length + candidates[i].length - 1));
  const order = [...costs.keys()].sort((a, b) => normalised[a] - normalised[b]);
  return { costs: normalised, order };
}

/** What the tokens after the first cost, for each candidate of a group. */
async function continuationCosts(
  model: LanguageModel,
  session: LanguageModelSession,
  group: readonly (readonly number[])[],
  longest: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const steps = longest - 1;
  const ids = Array.from({ length: session.batch }, (_, i) =>
    Array.from({ length: steps }, (_, t) => group[i]?.[t] ?? 0),
  );
  const { data } = await model.embed(ids.flat(), { signal });
  const embeddings = tensor('f32', [session.batch, steps, model.width], data);
  const read = await session.prefill(embeddings, { positions: 'all', signal });
  const hidden = await takeHost(read, { signal });
  const flat = tensor('f32', [session.batch * steps, model.width], hidden.data as Float32Array);
  const logits = await readLogits(model, flat, { signal });
  return group.map((tokens, i) =>
    tokens
      .slice(1)
      .reduce((sum, token, t) => sum + negativeLogLikelihood(rowOf(logits, i * steps + t, model), token), 0),
  );
}

const negativeLogLikelihood = (logits: Float32Array, token: number): number =>
  logSumExp(logits) - logits[token];

function check(
  rows: number,
  length: number,
  longest: number,
  candidates: readonly (readonly number[])[],
  { contextLength }: LanguageModel,
): void {
  if (rows !== 1)
    throw new EmuError('OPTION', `Candidates are ranked for one prompt, got ${rows}; rank each by itself.`);
  if (!candidates.length || candidates.some((ids) => !ids.length))
    throw new EmuError('OPTION', 'Every candidate needs at least one token, and there must be one.');
  if (length + longest - 1 > contextLength)
    throw new EmuError(
      'CONTEXT_LENGTH',
      `The prompt has ${length} positions and the longest candidate ${longest}, the model's context ${contextLength}.`,
      { hint: 'Shorten the text or give fewer images.' },
    );
}
