import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { random } from '@emu-ts/base';
import type { Bench, BenchResult } from '@emu-ts/testing';
import { Tokenizer as Peer } from '@huggingface/tokenizers';
import { kinds, readModel } from '../src/model.js';
import { Tokenizer } from '../src/tokenizer.js';

/** The real LLaMA model where one is at hand (`EMU_LLAMA_TOKENIZER`), else the small one of the fixtures. */
const root = new URL('../../../', import.meta.url);
const llama =
  process.env.EMU_LLAMA_TOKENIZER ?? fileURLToPath(new URL('../shared/llama-tokenizer.model', root));
const fixture = fileURLToPath(new URL('fixtures/goldens/checkpoint/tokenizer.model', root));
const corpusBytes = 3e6;

/** What `tokenizer.json` would hold for a SentencePiece BPE model; a merge is any two pieces that make a third. */
function peerTokenizer(bytes: Uint8Array): Peer {
  const { pieces } = readModel(bytes);
  const vocab = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const merges: { rank: number; pair: [string, string] }[] = [];
  for (const { piece, type, score } of pieces) {
    if (type !== kinds.normal) continue;
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut++) {
      const pair: [string, string] = [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
      if (pair.every((half) => vocab.has(half))) merges.push({ rank: -score, pair });
    }
  }
  merges.sort((a, b) => a.rank - b.rank);
  const prepend = { type: 'Prepend', prepend: '▁' };
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return new Peer(
    {
      added_tokens: [],
      normalizer: { type: 'Sequence', normalizers: [prepend, replace] },
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(vocab),
        merges: merges.map(({ pair }) => pair),
        byte_fallback: true,
        unk_token: '<unk>',
      },
    } as unknown as ConstructorParameters<typeof Peer>[0],
    {},
  );
}

const lexiconSize = 200_000;
/** How words repeat: as in prose (Zipf's law), or hardly ever. */
const draws = {
  prose: (u: number) => Math.floor(lexiconSize ** u) - 1,
  'rare words': (u: number) => Math.floor(u * lexiconSize),
};

/** Sentences of about 3 MB of UTF-8, their words joined from one or two pieces of the model. */
function sentences(bytes: Uint8Array, draw: (u: number) => number): string[] {
  const words = readModel(bytes).pieces.filter(
    ({ piece, type }) => type === kinds.normal && /^▁?\p{L}+$/u.test(piece),
  );
  const { uniform } = random(5);
  const parts = [...uniform(lexiconSize * 2)].map((u) =>
    words[Math.floor(u * words.length)].piece.replace('▁', ''),
  );
  const lexicon = Array.from(
    { length: lexiconSize },
    (_, i) => parts[2 * i] + (i % 2 ? parts[2 * i + 1] : ''),
  );
  const texts: string[] = [];
  for (let size = 0, at = 0; size < corpusBytes; at += 12) {
    const text = `${[...uniform(12, at)].map((u) => lexicon[draw(u)]).join(' ')}.`;
    texts.push(text);
    size += utf8Length(text);
  }
  return texts;
}

const utf8Length = (text: string) => new TextEncoder().encode(text).length;

/**
 * MB of UTF-8 per second on texts seen for the first time: the first half warms the engine up, the second is timed.
 * Timing a text twice would measure the peer's cache of whole texts.
 */
function speed(texts: readonly string[], encode: (text: string) => unknown): number {
  const half = texts.length >> 1;
  for (const text of texts.slice(0, half)) encode(text);
  const timed = texts.slice(half);
  const size = timed.reduce((sum, text) => sum + utf8Length(text), 0);
  const begin = performance.now();
  for (const text of timed) encode(text);
  return size / 1e6 / ((performance.now() - begin) / 1000);
}

async function measure(draw: (u: number) => number): Promise<BenchResult> {
  const bytes = readFileSync(existsSync(llama) ? llama : fixture);
  const texts = sentences(bytes, draw);
  const own = Tokenizer.fromModel(bytes);
  const peer = peerTokenizer(bytes);
  return {
    value: speed(texts, (text) => own.encode(text)),
    baseline: { name: '@huggingface/tokenizers', value: speed(texts, (text) => peer.encode(text)) },
  };
}

export const benches: Bench[] = Object.entries(draws).map(([name, draw]) => ({
  name: `tokenizer.encode ${name}`,
  unit: 'MB/s',
  run: () => measure(draw),
}));
