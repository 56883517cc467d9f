import type { Step } from './steps.js';

/** What a run asks of a GPU: the two numbers that decide how long it takes where arithmetic does not. */
export interface Cost {
  readonly dispatches: number;
  readonly copies: number;
  /** Bytes that dispatches and copies read and write, every operand of each once. */
  readonly read: number;
  readonly written: number;
}

export function costOf(steps: readonly Step[]): Cost {
  const bytes = (operands: Extract<Step, { kind: 'dispatch' }>['reads']) =>
    Object.values(operands).reduce(
      (n, operand) => n + (operand.kind === 'storage' ? operand.storage.bytes : 0),
      0,
    );
  const cost = { dispatches: 0, copies: 0, read: 0, written: 0 };
  for (const step of steps) {
    if (step.kind === 'copy') {
      cost.copies++;
      cost.read += step.from.bytes;
      cost.written += step.to.bytes;
    } else {
      cost.dispatches++;
      cost.read += bytes(step.reads);
      cost.written += bytes(step.writes);
    }
  }
  return cost;
}
