import type { EmuEvent } from '@emu-ts/emu';
import type { Answer, FromWorker, Load, ToWorker } from './protocol.js';

export interface Loading {
  readonly component: string;
  readonly loaded: number;
  readonly total: number;
}

/** The worker's side of a conversation, as calls. */
export class Model {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  #loaded = '';

  /** Loads what is not loaded yet. */
  async load(wanted: Omit<Load, 'kind'>, onProgress: (progress: Loading) => void): Promise<void> {
    const name = JSON.stringify(wanted);
    if (name === this.#loaded) return;
    this.#loaded = '';
    await this.#ask({ kind: 'load', ...wanted }, (message) => {
      if (message.kind === 'loading') onProgress(message);
    });
    this.#loaded = name;
  }

  answer(asked: Omit<Answer, 'kind'>, onEvent: (event: EmuEvent) => void): Promise<void> {
    return this.#ask({ kind: 'answer', ...asked }, (message) => {
      if (message.kind === 'event') onEvent(message.event);
    });
  }

  /** What is going on ends with an `AbortError`. */
  stop(): void {
    this.#worker.postMessage({ kind: 'stop' } satisfies ToWorker);
  }

  #ask(message: ToWorker, hear: (message: FromWorker) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const listening = new AbortController();
      const end = (settle: () => void) => {
        listening.abort();
        settle();
      };
      const { signal } = listening;
      this.#worker.addEventListener(
        'message',
        ({ data }: MessageEvent<FromWorker>) => {
          if (data.kind === 'done') end(resolve);
          else if (data.kind === 'failed') end(() => reject(new Error(data.message)));
          else if (data.kind === 'stopped') end(() => reject(new DOMException('Stopped.', 'AbortError')));
          else hear(data);
        },
        { signal },
      );
      this.#worker.addEventListener('error', (event) => end(() => reject(new Error(event.message))), {
        signal,
      });
      this.#worker.postMessage(message);
    });
  }
}
