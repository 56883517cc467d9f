/**
 * Waits for something that cannot be stopped. When the signal fires first, the wait ends with its reason, and what
 * still comes is handed to `discard`.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => void,
): Promise<T> {
  if (!signal) return work;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    work.then(discard, () => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
