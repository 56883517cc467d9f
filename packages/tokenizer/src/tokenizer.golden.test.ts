import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { instructTokens, pretrainTokens, Tokenizer } from './index.js';

/** The goldens' folder, and the real LLaMA model where one is at hand: it may not be copied into the repository. */
const root = new URL('../../../', import.meta.url);
const goldens = process.env.EMU_GOLDENS ?? fileURLToPath(new URL('fixtures/goldens', root));
const llama =
  process.env.EMU_LLAMA_TOKENIZER ?? fileURLToPath(new URL('../shared/llama-tokenizer.model', root));

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
}
interface Suite {
  readonly size: number;
  readonly special: Record<string, number>;
  readonly cases: Case[];
}
const json = <T>(name: string) => JSON.parse(readFileSync(`${goldens}/${name}`, 'utf8')) as T;

function check(tokenizer: Tokenizer, cases: readonly Case[]): void {
  for (const { text, ids, decoded } of cases) {
    expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    expect(tokenizer.decode(ids), JSON.stringify(text)).toBe(decoded);
    const decoder = tokenizer.decoder();
    const deltas = ids.map((id) => decoder.push(id));
    expect(deltas.join('') + decoder.flush(), JSON.stringify(text)).toBe(decoded);
  }
}

describe('the model of the goldens', () => {
  const tokenizer = Tokenizer.fromModel(readFileSync(`${goldens}/checkpoint/tokenizer.model`), {
    special: pretrainTokens,
  });
  const generation = json<{ tokenizer: { len: number; special: Record<string, number> } }>('generation.json');

  test('has the reference vocabulary', () => {
    expect(tokenizer.size).toBe(generation.tokenizer.len);
    expect(Object.fromEntries(tokenizer.special)).toEqual(generation.tokenizer.special);
  });

  test('every case of tokenizer.json is exact', () => check(tokenizer, json<Case[]>('tokenizer.json')));

  test('every generated text of generation.json is exact', () => {
    const cases = Object.values(
      json<Record<string, { ids?: number[][]; text?: string[] }>>('generation.json'),
    );
    const rows = cases.flatMap(({ ids, text }) => (ids ?? []).map((row, i) => ({ row, text: text![i] })));
    expect(rows.length).toBeGreaterThan(0);
    for (const { row, text } of rows) expect(tokenizer.decode(row)).toBe(text);
  });
});

const missing = [llama, `${goldens}/llama-tokenizer.json`].filter((path) => !existsSync(path));
const title = 'the 32,000-piece LLaMA model';
describe.skipIf(missing.length)(missing.length ? `${title}: skipped, no ${missing}` : title, () => {
  test.each([
    ['pretrain', pretrainTokens],
    ['instruct', instructTokens],
  ])('every case of llama-tokenizer.json is exact: %s', (name, special) => {
    const suite = json<Record<string, Suite>>('llama-tokenizer.json')[name];
    const tokenizer = Tokenizer.fromModel(readFileSync(llama), { special });
    expect(tokenizer.size).toBe(suite.size);
    expect(Object.fromEntries(tokenizer.special)).toEqual(suite.special);
    check(tokenizer, suite.cases);
  });
});
