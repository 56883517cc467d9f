/**
 * A restricted unpickler for the data that `torch.save` writes (pickle protocols 0 to 5). The machine is the usual
 * one, a stack, marks and a memo, but it builds inert values only: globals come from an allow-list, and opcodes that
 * construct objects of other classes (INST, OBJ, NEWOBJ_EX, EXT) are refused.
 */
import { CheckpointError, corrupt, quote } from '../error.js';
import type { Budget } from '../limits.js';
import { Cursor } from './cursor.js';
import { resolveGlobal } from './globals.js';
import { opcodes } from './opcodes.js';
import { GlobalRef, type PickleValue } from './values.js';

export interface UnpickleOptions {
  readonly budget: Budget;
  /** The value of a persistent id: in torch files, a storage. */
  persistent(id: PickleValue): PickleValue;
}

/** Estimated memory of one opcode's work and of one new container. */
const cost = { step: 12, container: 64, item: 64 };

export class Machine {
  readonly memo = new Map<number, PickleValue>();
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  done = false;

  constructor(
    readonly cursor: Cursor,
    private readonly options: UnpickleOptions,
  ) {}

  push(value: PickleValue, bytes = cost.container): void {
    this.options.budget.spend(bytes);
    this.stack.push(value);
  }

  pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw corrupt('The pickle takes a value from an empty stack.');
    return this.stack[this.stack.length - 1];
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  /** The values above the last mark, in order; the mark goes too. */
  popMark(): PickleValue[] {
    const at = this.marks.pop();
    if (at === undefined) throw corrupt('The pickle refers to a mark that it never set.');
    this.options.budget.spend(cost.container + 8 * (this.stack.length - at));
    return this.stack.splice(at);
  }

  /** Drops the last mark when nothing lies above it, as POP does; else the top value. */
  drop(): void {
    if (this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  text(length: number): void {
    this.push(this.cursor.text(length), cost.container + 2 * length);
  }

  bytes(length: number): void {
    this.options.budget.spend(length);
    this.push(new Uint8Array(this.cursor.take(length)));
  }

  put(index: number): void {
    this.options.budget.spend(cost.item);
    this.memo.set(index, this.top());
  }

  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw corrupt(`The pickle refers to memo entry ${index}, which it never set.`);
    this.push(value, 8);
  }

  global(module: string, name: string): void {
    this.push(resolveGlobal(module, name));
  }

  persistent(): void {
    this.push(this.options.persistent(this.pop()));
  }

  /** REDUCE and NEWOBJ: builds the record that an allow-listed global stands for. */
  build(): void {
    const args = this.pop();
    const callable = this.pop();
    if (!(callable instanceof GlobalRef) || !callable.meaning.build || !Array.isArray(args)) {
      const got = callable instanceof GlobalRef ? callable.path : 'a value that is not a function';
      throw new CheckpointError(
        'UNSAFE_PICKLE',
        `The pickle tries to call ${quote(got)}. Nothing was executed.`,
      );
    }
    for (const arg of args) {
      if (typeof arg === 'string' || arg instanceof Uint8Array) this.options.budget.spend(arg.length);
      else if (Array.isArray(arg)) this.options.budget.spend(cost.item * arg.length);
    }
    this.push(callable.meaning.build(args), 2 * cost.container);
  }

  /** Runs to STOP and gives the one value left. */
  run(): PickleValue {
    while (!this.done) {
      this.options.budget.spend(cost.step);
      const at = this.cursor.at;
      const code = this.cursor.u8();
      const step = opcodes[code];
      if (!step) throw corrupt(`The pickle has byte 0x${code.toString(16)} at ${at}, which is no opcode.`);
      step(this);
    }
    const result = this.pop();
    if (this.stack.length > 0 || this.marks.length > 0)
      throw corrupt('The pickle stops with values left over.');
    return result;
  }
}

/** The value of the pickle at `start` and where it ends. Throws `OutOfBytes` when `bytes` end before it does. */
export function unpickle(bytes: Uint8Array, start: number, options: UnpickleOptions) {
  const cursor = new Cursor(bytes, start);
  const value = new Machine(cursor, options).run();
  return { value, end: cursor.at };
}
