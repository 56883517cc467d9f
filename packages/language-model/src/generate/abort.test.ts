import { expect, it } from 'vitest';
import { tinyLlama } from '../../test/tiny-llama.js';
import { watchedExecutor } from '../../test/watched-executor.js';
import { embedPrompts, generate } from '../index.js';

const tokens = { begin: 1, end: 2, pad: 0 };

/** A beam search over two prompts that touches every kind of call; aborted when call `at` begins. */
async function run(at: number) {
  const controller = new AbortController();
  const watched = watchedExecutor((call) => call === at + loaded && controller.abort());
  let loaded = Number.POSITIVE_INFINITY;
  const { executor, held, calls } = watched;
  await using model = await tinyLlama({ executor });
  loaded = calls();
  const before = held();
  const searching = (async () => {
    const { signal } = controller;
    const prompt = await embedPrompts(model, [[5, 6, 7, 8, 9], [3]], { pad: 0, signal });
    return generate(model, prompt, { tokens, beams: 2, maxNewTokens: 5, minNewTokens: 4, signal });
  })();
  const outcome = await searching.then(
    () => 'finished',
    (error: Error) => error.name,
  );
  return { outcome, leaked: held() - before, calls: calls() - loaded };
}

it('stops wherever it is aborted, and leaves nothing on the executor', async () => {
  const whole = await run(0);
  expect(whole).toMatchObject({ outcome: 'finished', leaked: 0 });
  expect(whole.calls).toBeGreaterThan(20);
  for (let at = 1; at <= whole.calls; at++)
    expect([at, await run(at)]).toMatchObject([at, { outcome: 'AbortError', leaked: 0 }]);
});
