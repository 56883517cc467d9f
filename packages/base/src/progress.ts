/** One step of a long piece of work. The same event serves the command line, workers and user interfaces. */
export interface Progress {
  /** What is being done, such as `load`, `encode`, `prefill`, `decode`, `embed`, `denoise`. */
  readonly phase: string;
  /** The component or file concerned. */
  readonly component?: string;
  /** Units done and units in all (bytes, tokens or steps, as the phase has it). */
  readonly loaded: number;
  readonly total: number;
}

export type OnProgress = (progress: Progress) => void;

/** The options every long call takes. */
export interface CallOptions {
  /** Aborting rejects with the signal's reason (an `AbortError` by default) at the next await. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Lets the event loop turn, then rejects if the call was aborted. Long synchronous loops call it between steps. */
export async function breathe(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  signal?.throwIfAborted();
}
