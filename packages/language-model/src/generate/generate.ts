import { type CallOptions, EmuError } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { discard } from '../host.js';
import { BeamSearch } from './beam-search.js';
import { readLogits, rowOf } from './logits.js';
import { type GenerateOptions, settingsOf } from './options.js';
import { readPrompt } from './past.js';
import type { Prompt } from './prompt.js';
import type { Reading } from './reading.js';
import { SamplingSearch } from './sampling-search.js';
import type { GeneratedSequence, GenerateEvent, Search, SearchStep } from './search.js';

/**
 * Continues every prompt, event by event: tokens as soon as they are certain, and each sequence when it is finished. A
 * consumer that leaves the loop ends the work and frees what it held. Prompts are read once, however many rows
 * continue each of them.
 *
 * @throws EmuError `CONTEXT_LENGTH` for a prompt longer than the model's context, `OPTION` for options that make no sense
 */
export async function* stream(
  model: LanguageModel,
  prompt: Prompt,
  options: GenerateOptions,
): AsyncGenerator<GenerateEvent, void> {
  const { signal, onProgress, past } = options;
  const [prompts, length] = prompt.embeddings.shape;
  const settings = settingsOf(options);
  const maxNewTokens = Math.min(settings.maxNewTokens, roomAfter(length, model.contextLength));
  const search = searchFor(prompts, { ...settings, maxNewTokens });
  const call: CallOptions = { signal };

  const { reading, hidden } = await readPrompt(model, prompt, maxNewTokens - 1, { past, signal, onProgress });
  using session = reading;
  const spread = search.rows / prompts;
  let best: GeneratedSequence | undefined;
  const told = function* ({ events }: SearchStep) {
    for (const event of events) if (event.type === 'finish' && !event.sequence) best = event.generated;
    yield* events;
  };
  let step = await advance(model, search, hidden, call);
  yield* told(step);
  if (step.next && spread > 1) {
    const expansion = Array.from({ length: search.rows }, (_, row) => Math.floor(row / spread));
    await session.reorder(expansion, call);
  }
  let tokens = 1;
  const progress = () =>
    onProgress?.({ phase: 'decode', component: 'language-model', loaded: tokens++, total: maxNewTokens });
  const going = step.next && goingOn(session, search, { first: step.next, steps: maxNewTokens - 1, signal });
  if (going) {
    if (step.parents) await session.reorder(step.parents, call);
    for await (const next of going()) {
      progress();
      step = next;
      yield* told(step);
      if (!step.next) break;
    }
  }
  while (!going && step.next) {
    progress();
    if (step.parents) await session.reorder(step.parents, call);
    step = await advance(model, search, await session.step(step.next, call), call);
    yield* told(step);
  }
  const [marks] = prompts === 1 ? (prompt.marks ?? []) : [];
  if (past && marks && best) await past.keep(model, reading, [...marks, ...best.ids.slice(1)]);
}

/** Steps that a session makes by itself, where it can and the search can tell it how. */
function goingOn(
  { draw, branch }: Reading,
  search: Search,
  start: {
    readonly first: readonly number[];
    readonly steps: number;
    readonly signal: AbortSignal | undefined;
  },
): (() => AsyncGenerator<SearchStep, void>) | undefined {
  if (draw && search instanceof SamplingSearch) {
    const how = search.drawing(start.steps);
    return how && (() => map(draw({ ...how, ...start }), (chosen) => search.accept(chosen)));
  }
  if (!branch || !(search instanceof BeamSearch)) return undefined;
  const how = search.branching();
  return how && (() => map(branch({ ...how, ...start }), (found) => search.accept(found)));
}

async function* map<T, U>(from: AsyncIterable<T>, to: (item: T) => U): AsyncGenerator<U, void> {
  for await (const item of from) yield to(item);
}

/**
 * From hidden states of every row, or every prompt, to the next step: continuations chosen beside the logits, or whatever
 * the search finds in logits read into host memory. Frees the hidden states.
 */
async function advance(
  model: LanguageModel,
  search: Search,
  hidden: AnyTensor,
  call: CallOptions,
): Promise<SearchStep> {
  const asked = model.continuations && search instanceof BeamSearch && search.asking();
  if (asked && model.continuations) {
    try {
      return search.accept(await model.continuations(hidden, { ...asked, ...call }));
    } finally {
      discard(hidden);
    }
  }
  const spread = search.rows / hidden.shape[0];
  const logits = await readLogits(model, hidden, call);
  return search.advance((row) => rowOf(logits, Math.floor(row / spread), model));
}

/** Continues every prompt and returns the sequences of each: `[prompt][sequence]`, the best first. */
export async function generate(
  model: LanguageModel,
  prompt: Prompt,
  options: GenerateOptions,
): Promise<GeneratedSequence[][]> {
  const found: GeneratedSequence[][] = Array.from({ length: prompt.padding.length }, () => []);
  for await (const event of stream(model, prompt, options)) {
    if (event.type === 'finish') found[event.prompt][event.sequence] = event.generated;
  }
  return found;
}

/** Rows of ids brought to one length by `pad`, as the reference returns them. */
export function padSequences(sequences: readonly GeneratedSequence[], pad: number): number[][] {
  const length = Math.max(...sequences.map(({ ids }) => ids.length));
  return sequences.map(({ ids }) => [...ids, ...new Array<number>(length - ids.length).fill(pad)]);
}

const searchFor = (prompts: number, settings: ReturnType<typeof settingsOf>): Search =>
  settings.beams > 1 ? new BeamSearch(prompts, settings) : new SamplingSearch(prompts, settings);

/** How many tokens can follow a prompt. The last one is never fed, so it needs no position. */
function roomAfter(length: number, contextLength: number): number {
  if (length <= contextLength) return contextLength - length + 1;
  throw new EmuError(
    'CONTEXT_LENGTH',
    `The prompt has ${length} positions, the model's context has ${contextLength}.`,
    { hint: 'Shorten the text or give fewer images.' },
  );
}
