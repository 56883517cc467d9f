import type { Progress } from '@emu-ts/base';

/** One line on a terminal that is written over as work goes on; nothing at all in a pipe. */
export interface ProgressLine {
  update(progress: Progress): void;
  /** Takes the line away, so that results start on a clean one. */
  clear(): void;
}

const width = 24;

export function progressLine(
  stream: NodeJS.WriteStream = process.stderr,
  enabled = stream.isTTY,
): ProgressLine {
  let drawn = false;
  let last = 0;
  const clear = () => {
    if (drawn) stream.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    clear,
    update({ phase, component, loaded, total }) {
      const now = performance.now();
      if (!enabled || (now - last < 40 && loaded < total)) return;
      last = now;
      const share = total ? Math.min(loaded / total, 1) : 0;
      const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░');
      const what = component ? `${phase} ${component}` : phase;
      stream.write(
        `\r\x1b[2K${bar} ${String(Math.floor(share * 100)).padStart(3)}% ${what}`.slice(
          0,
          (stream.columns ?? 80) + 5,
        ),
      );
      drawn = true;
    },
  };
}
