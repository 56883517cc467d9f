import type { CallOptions } from '@emu-ts/base';
import { emuTokens, type RgbImage, type Sequence } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import {
  allowSequences,
  embedPrompts,
  type GenerateOptions,
  type Prompt,
  stream,
  type TokenIds,
} from '@emu-ts/language-model';
import type { EmuComponents } from '../components.js';
import type { EmuEvent } from '../events.js';
import type { Vision } from '../vision.js';

/** How words are chosen. Everything has the reference's default. */
export interface TextOptions extends Omit<GenerateOptions, 'tokens' | 'allowed' | 'sequences'> {
  /** The answer is one of these. */
  readonly answers?: readonly string[] | undefined;
}

/** What is asked, and what is odd about asking it of this model. */
export interface Request {
  readonly sequence: Sequence<RgbImage>;
  readonly warnings: readonly string[];
}

/** The ids that generation has to know, from the tokenizer. */
export const tokenIds = ({ tokenizer }: EmuComponents): TokenIds => ({
  begin: tokenizer.bosId,
  end: tokenizer.eosId,
  pad: idOf({ tokenizer }, 'pad'),
});

export const idOf = (
  { tokenizer }: Pick<EmuComponents, 'tokenizer'>,
  token: keyof typeof emuTokens,
): number => tokenizer.special.get(emuTokens[token]) as number;

/** A sequence as rows the language model can read: text from its table, pictures through vision. */
export async function readSequence(
  components: EmuComponents,
  vision: Vision,
  sequence: Sequence<RgbImage>,
  options: CallOptions & { readonly reserve?: number },
): Promise<{ prompt: Prompt & Disposable; ids: readonly number[] }> {
  const { languageModel, format } = components;
  const { ids, images } = format.encode(sequence, {
    contextLength: languageModel.contextLength,
    reserve: options.reserve,
  });
  using seen = await vision.see(images, 'pil', options);
  return { prompt: await embed(components, [ids], seen.embeddings, options), ids };
}

/** Rows of ids with embeddings of pictures at their placeholders; of each tensor `counts` rows are meant, or all. */
export const embed = (
  components: EmuComponents,
  rows: readonly (readonly number[])[],
  embeddings: readonly AnyTensor[],
  { signal, counts }: CallOptions & { readonly counts?: readonly number[] },
): Promise<Prompt & Disposable> =>
  embedPrompts(components.languageModel, rows, {
    pad: idOf(components, 'pad'),
    visual: embeddings.length ? { token: idOf(components, 'image'), embeddings, counts } : undefined,
    signal,
  });

/** Continues a sequence in words. */
export async function* replyInText(
  components: EmuComponents,
  vision: Vision,
  { sequence, warnings }: Request,
  { answers, ...options }: TextOptions,
): AsyncGenerator<EmuEvent, void> {
  const { tokenizer, languageModel } = components;
  const read = await readSequence(components, vision, sequence, { ...options, reserve: 1 });
  using prompt = read.prompt;
  const tokens = tokenIds(components);
  const allowed = answers && allowSequences(answers.map((answer) => answerIds(components, answer)));
  const decoder = tokenizer.decoder();
  let output = 0;
  for await (const event of stream(languageModel, prompt, { ...options, tokens, allowed })) {
    options.signal?.throwIfAborted();
    if (event.type === 'token') {
      output++;
      const text = decoder.push(event.token);
      if (text) yield { type: 'text-delta', text };
    } else {
      const rest = decoder.flush();
      if (rest) yield { type: 'text-delta', text: rest };
      options.signal?.throwIfAborted();
      const reason = event.generated.finishReason === 'stop' ? 'end' : 'length';
      yield { type: 'finish', reason, usage: { input: read.ids.length, output }, warnings };
    }
  }
}

/** An answer as it would stand in a reply, with the end token. */
const answerIds = ({ tokenizer }: EmuComponents, answer: string): number[] =>
  tokenizer.encode(answer, { bos: false, eos: true });
