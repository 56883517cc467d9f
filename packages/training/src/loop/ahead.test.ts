import { expect, it } from 'vitest';
import { ahead } from './ahead.js';

async function* numbers(made: number[], last = 3) {
  for (let i = 1; i <= last; i++) {
    made.push(i);
    yield i;
  }
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

it('makes the next item while one is in use, and one only', async () => {
  const made: number[] = [];
  const source = ahead(numbers(made));
  expect(await source.next()).toEqual({ done: false, value: 1 });
  expect(made).toEqual([1]);
  await turn();
  expect(made).toEqual([1, 2]);
  expect(await source.next()).toMatchObject({ value: 2 });
  expect(await source.next()).toMatchObject({ value: 3 });
  expect(await source.next()).toMatchObject({ done: true });
});

it('gives an error when its turn comes', async () => {
  const source = ahead(
    (async function* () {
      yield 1;
      throw new Error('broken');
    })(),
  );
  expect(await source.next()).toMatchObject({ value: 1 });
  await turn();
  await expect(source.next()).rejects.toThrow('broken');
});

it('closes its source', async () => {
  let closed = false;
  const source = ahead(
    (async function* () {
      try {
        yield 1;
        yield 2;
      } finally {
        closed = true;
      }
    })(),
  );
  await source.next();
  await source.return?.();
  expect(closed).toBe(true);
});
