/** Steps that are under way while an older one's results are read. */
const ahead = 4;

/**
 * Steps that go on from one another without waiting: each begins before what an earlier one said was read. `step` begins
 * one and says where its results will be.
 */
export async function* inFlight<T>(
  steps: number,
  signal: AbortSignal | undefined,
  step: (index: number) => Promise<{ readonly result: Promise<T> }>,
): AsyncGenerator<T, void> {
  const reading: Promise<T>[] = [];
  for (let done = 0; done < steps || reading.length; ) {
    signal?.throwIfAborted();
    if (done === steps || reading.length === ahead) {
      yield await (reading.shift() as Promise<T>);
      continue;
    }
    const { result } = await step(done++);
    result.catch(() => {}); // whoever takes it hears of it
    reading.push(result);
  }
}
