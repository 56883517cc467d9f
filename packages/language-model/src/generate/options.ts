import { type CallOptions, EmuError } from '@emu-ts/base';
import {
  type AllowedTokens,
  allowedTokens,
  type LogitsProcessor,
  minLength,
  noRepeatNgram,
  repetitionPenalty,
  temperature,
  topK,
  topP,
} from '../processors/index.js';
import type { Past } from './past.js';

/** The ids that generation has to know. */
export interface TokenIds {
  /** Stands first in every row of ids; never fed to the model, whose prompt is embeddings. */
  readonly begin: number;
  /** Ends a row. */
  readonly end: number | readonly number[];
  /** Fed to rows that have ended while others go on. */
  readonly pad: number;
}

export interface SamplingOptions {
  /** Above 0; default 1. */
  readonly temperature?: number | undefined;
  /** Keep the k most likely tokens. Default all. */
  readonly topK?: number | undefined;
  /** Keep the most likely tokens that together reach this probability. Default 1, all. */
  readonly topP?: number | undefined;
  /** Any integer up to 2^53. Equal seeds give equal tokens. Default 0. */
  readonly seed?: number | undefined;
}

export interface GenerateOptions extends CallOptions {
  readonly tokens: TokenIds;
  /** Default 50. The end of the context stops generation earlier. */
  readonly maxNewTokens?: number | undefined;
  /**
   * No end token before a row is this long, counting the begin token: 8 means at least 7 tokens before the end, as
   * `min_length` did in the reference. Default 1.
   */
  readonly minLength?: number | undefined;
  /** At least so many tokens before the end; `minLength` less one says the same. Default 0. */
  readonly minNewTokens?: number | undefined;
  /** Hypotheses kept in beam search; 1 (default) is greedy search or sampling. */
  readonly beams?: number | undefined;
  /** A finished hypothesis scores Σ log p / length^lengthPenalty: negative favours short ones. Default 0. */
  readonly lengthPenalty?: number | undefined;
  /** Sequences to return per prompt: the best hypotheses, or independent samples. Default 1. */
  readonly sequences?: number | undefined;
  /** Draw tokens instead of taking the most likely one. Not with beams. */
  readonly sampling?: SamplingOptions | undefined;
  /** Above 1 makes tokens that occurred less likely. Default 1. */
  readonly repetitionPenalty?: number | undefined;
  /** No run of so many tokens occurs twice. Default 0: any may. */
  readonly noRepeatNgram?: number | undefined;
  /** Which tokens may come next. Default any. */
  readonly allowed?: AllowedTokens | undefined;
  /** What was read before, of which a prompt of one row is read on; what is read now takes its place. */
  readonly past?: Past | undefined;
}

export type Settings = ReturnType<typeof settingsOf>;

/** Checks the options and fills in the defaults. Throws `EmuError` `OPTION`. */
export function settingsOf(options: GenerateOptions) {
  const { tokens, sampling, allowed } = options;
  const settings = {
    begin: tokens.begin,
    end: [tokens.end].flat() as readonly number[],
    pad: tokens.pad,
    maxNewTokens: integer('maxNewTokens', options.maxNewTokens ?? 50, 1),
    beams: integer('beams', options.beams ?? 1, 1),
    sequences: integer('sequences', options.sequences ?? 1, 1),
    lengthPenalty: options.lengthPenalty ?? 0,
    sampling,
    processors: processorsOf(options),
    elsewhere: elsewhereOf(options),
    allowed,
  };
  const { beams, sequences } = settings;
  if (sampling && beams > 1)
    throw option(`Sampling with ${beams} beams was asked for`, 'choose sampling or beams');
  if (beams > 1 && sequences > beams)
    throw option(`${sequences} sequences were asked for from ${beams} beams`, 'ask for at most one per beam');
  if (beams === 1 && sequences > 1 && !sampling)
    throw option(
      `${sequences} sequences were asked for from greedy search`,
      'give sampling options or beams',
    );
  return settings;
}

/** In the order in which the reference applies them: a later one sees what the earlier ones left. */
function processorsOf(options: GenerateOptions): LogitsProcessor[] {
  const { allowed, sampling } = options;
  const penalty = positive('repetitionPenalty', options.repetitionPenalty ?? 1);
  const ngram = integer('noRepeatNgram', options.noRepeatNgram ?? 0, 0);
  const shortest = Math.max(
    integer('minLength', options.minLength ?? 1, 0),
    1 + integer('minNewTokens', options.minNewTokens ?? 0, 0),
  );
  const heat = positive('sampling.temperature', sampling?.temperature ?? 1);
  const nucleus = positive('sampling.topP', sampling?.topP ?? 1);
  return [
    penalty !== 1 && repetitionPenalty(penalty),
    ngram > 0 && noRepeatNgram(ngram),
    shortest > 1 && minLength(shortest, [options.tokens.end].flat()),
    allowed && allowedTokens(allowed),
    heat !== 1 && temperature(heat),
    sampling?.topK !== undefined && topK(integer('sampling.topK', sampling.topK, 1)),
    nucleus < 1 && topP(nucleus),
  ].filter((processor): processor is LogitsProcessor => Boolean(processor));
}

/** What whoever chooses tokens beside the logits needs to know; undefined where only the host can tell which may come. */
function elsewhereOf(options: GenerateOptions) {
  const { allowed, noRepeatNgram, sampling, tokens } = options;
  if (allowed || noRepeatNgram) return undefined;
  return {
    ...(sampling && { temperature: sampling.temperature, topK: sampling.topK, topP: sampling.topP }),
    ends: [tokens.end].flat(),
    /** No end before a row is this long, begin token included. */
    shortest: Math.max(options.minLength ?? 1, 1 + (options.minNewTokens ?? 0)),
    penalty: options.repetitionPenalty ?? 1,
  };
}

const option = (problem: string, hint: string) => new EmuError('OPTION', `${problem}; ${hint}.`);

function integer(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least)
    throw option(`${name} is ${value}`, `it takes an integer of at least ${least}`);
  return value;
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw option(`${name} is ${value}`, 'it takes a number above 0');
  return value;
}
