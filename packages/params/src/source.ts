import { EmuError, type HostTensor } from '@emu-ts/base';
import type { TensorType } from '@emu-ts/graph';
import type { ParamTree } from './param.js';

/**
 * Named tensors that are read when asked for. An open checkpoint is one; so is a renamed, merged or converted view of
 * several.
 */
export interface TensorSource {
  readonly entries: ReadonlyMap<string, TensorType>;
  read(name: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<HostTensor>;
}

/** Tensors in memory, such as `initialize` gives, as a source. */
export const tensorSource = (tensors: ReadonlyMap<string, HostTensor>): TensorSource => ({
  entries: tensors,
  async read(name) {
    const found = tensors.get(name);
    if (!found)
      throw new EmuError('NO_SUCH_TENSOR', `No tensor is named '${name}'; there are ${tensors.size}.`);
    return found;
  },
});

/** Matches names below none of a tree's roots: other components' business. For `allowUnused`. */
export const outside = (tree: ParamTree): RegExp => new RegExp(`^(?!(${Object.keys(tree).join('|')})\\.)`);
