import { MediaError, quote, reasonOf } from '../error.js';

export interface ChildOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
  /** Whole lines. */
  readonly onStderr?: ((line: string) => void) | undefined;
}

const INSTALL =
  'Install ffmpeg (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg) ' +
  'and see that it is on PATH.';

/**
 * Runs a program without a shell until it has ended, and returns its exit code. An abort, or a callback that throws,
 * kills it first; in every case the process is gone when the promise settles.
 */
export async function runChild(
  program: string,
  args: readonly string[],
  { signal, onStdout, onStderr }: ChildOptions,
): Promise<number> {
  const { spawn } = await import('node:child_process');
  signal?.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  return new Promise((resolve, reject) => {
    let failure: { readonly reason: unknown } | undefined;
    const stop = (reason: unknown) => {
      failure ??= { reason };
      child.kill('SIGKILL');
    };
    const guarded = <T>(callback: (value: T) => void) => {
      return (value: T) => {
        if (failure) return;
        try {
          callback(value);
        } catch (reason) {
          stop(reason);
        }
      };
    };
    const onAbort = () => stop(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });

    child.stdout.on(
      'data',
      guarded<Uint8Array>((chunk) => onStdout?.(chunk)),
    );
    let rest = '';
    child.stderr.setEncoding('utf8').on(
      'data',
      guarded<string>((text) => {
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop() ?? '';
        for (const line of lines) onStderr?.(line);
      }),
    );
    child.on('error', (cause) => {
      if (child.pid !== undefined) return stop(cause);
      const reason =
        (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it was not found' : reasonOf(cause);
      failure ??= {
        reason: new MediaError(
          'FFMPEG_MISSING',
          `Video needs the program ${quote(program)}, but ${reason}.`,
          {
            hint: INSTALL,
            cause,
          },
        ),
      };
    });
    child.on('close', (code) => {
      signal?.removeEventListener('abort', onAbort);
      if (rest) guarded<string>((line) => onStderr?.(line))(rest);
      if (failure) reject(failure.reason);
      else resolve(code ?? -1);
    });
  });
}
