import { EmuError } from '@emu-ts/base';
import type { Program } from '@emu-ts/graph';

interface Slot {
  readonly program: Promise<Program>;
  users: number;
  /** Called when the last user leaves a slot that has been retired. */
  idle?: () => void;
}

/**
 * Programs by shape. Beyond `limit` the least recently used is dropped, and disposed once nobody is running it.
 */
export class ProgramCache implements AsyncDisposable {
  readonly #slots = new Map<string, Slot>();
  readonly #retiring = new Set<Promise<void>>();
  #disposed = false;

  constructor(readonly limit = 4) {}

  /**
   * Calls `use` with the program of this key. The first call compiles it; others wait for that, so `compile` must not
   * depend on one caller's signal. A failed compilation is forgotten.
   */
  async with<T>(
    key: string,
    compile: () => Promise<Program>,
    use: (program: Program) => Promise<T>,
  ): Promise<T> {
    const slot = this.#take(key, compile);
    try {
      return await use(await slot.program);
    } finally {
      slot.users--;
      if (!slot.users) slot.idle?.();
    }
  }

  #take(key: string, compile: () => Promise<Program>): Slot {
    if (this.#disposed) throw new EmuError('DISPOSED', 'This component has been disposed.');
    const slot = this.#slots.get(key) ?? this.#compiling(key, compile());
    slot.users++;
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    for (const [oldest, old] of this.#slots) {
      if (this.#slots.size <= this.limit) break;
      this.#slots.delete(oldest);
      this.#retire(old);
    }
    return slot;
  }

  #compiling(key: string, program: Promise<Program>): Slot {
    const slot: Slot = { program, users: 0 };
    program.catch(() => this.#slots.get(key) === slot && this.#slots.delete(key));
    return slot;
  }

  #retire(slot: Slot): void {
    const finished = slot.users ? new Promise<void>((resolve) => (slot.idle = resolve)) : Promise.resolve();
    const retiring = finished.then(async () => {
      const program = await slot.program.catch(() => undefined);
      await program?.dispose();
      this.#retiring.delete(retiring);
    });
    retiring.catch(() => {}); // `dispose` reports it
    this.#retiring.add(retiring);
  }

  /** Refuses further use and waits until every program has ended and is disposed. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const slot of this.#slots.values()) this.#retire(slot);
    this.#slots.clear();
    await Promise.all(this.#retiring);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
