import type { Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';
import type { ReadRowsOptions } from './read.js';

/**
 * What the unified objective needs of a model: five pure functions over one parameter tree. `composeModel` makes one of
 * component packages; any function of the same shapes may stand in a component's place.
 */
export interface InterleavedModel<T extends ParamTree = ParamTree> {
  /** Every weight by checkpoint path. */
  readonly params: T;
  /** Embeddings of one image. */
  readonly queries: number;
  /** pixels f32 [n 3 h w] → [n queries width], in the space of the language model's input embeddings */
  embedImages(p: Params<T>, pixels: Value): Value;
  /** ids i32 [… ] → [… width] */
  embedTokens(p: Params<T>, ids: Value): Value;
  /** Input embeddings [b t width] → hidden states after the final norm [b t width]. Position i sees 0 … i. */
  read(p: Params<T>, embeddings: Value, options: ReadRowsOptions): Value;
  /** hidden [rows width] → [rows vocabulary] */
  logits(p: Params<T>, hidden: Value): Value;
  /** hidden [rows width] → the next input embedding, of an image [rows width] */
  regress(p: Params<T>, hidden: Value): Value;
}
