import type { Block, Buffers } from '../device/buffers.js';

interface Slab {
  readonly block: Block;
  users: number;
}

/**
 * The buffers that tensors between steps live in. Nothing in them outlasts a run, so all programs of an executor share
 * them: slab i of a program is slab i of any other, as large as the largest of them needs it.
 */
export class Slabs {
  readonly #buffers: Buffers;
  readonly #current: (Slab | undefined)[] = [];

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Slabs of at least these sizes. `release` when the program goes. */
  async acquire(sizes: readonly number[]): Promise<{ blocks: readonly Block[]; release(): void }> {
    const held: Slab[] = [];
    const release = () => {
      for (const slab of held.splice(0)) this.#drop(slab);
    };
    try {
      for (const [i, bytes] of sizes.entries()) {
        let slab = this.#current[i];
        if (!slab || slab.block.bytes < bytes) {
          slab = { block: await this.#buffers.allocate(bytes, `slab ${i}`), users: 0 };
          this.#current[i] = slab;
        }
        slab.users++;
        held.push(slab);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { blocks: held.map(({ block }) => block), release };
  }

  dispose(): void {
    this.#current.length = 0;
  }

  #drop(slab: Slab): void {
    if (--slab.users > 0) return;
    this.#buffers.release(slab.block);
    const at = this.#current.indexOf(slab);
    if (at >= 0) this.#current[at] = undefined;
  }
}
