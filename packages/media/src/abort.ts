/**
 * Rejects with the signal's reason as soon as it aborts, for work that cannot be interrupted itself (a decoder in a
 * native thread): the work runs out unobserved. Anything the work opens must therefore be released by the work.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
