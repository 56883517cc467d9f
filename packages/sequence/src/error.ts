import { EmuError } from '@emu-ts/base';

/**
 * `got` and `wanted` are the two sides of the message, to read without parsing it. `code` is one of
 * - `IMAGE_COUNT`: images and the places for them differ in number;
 * - `CONTEXT_LENGTH`: the prompt and what is reserved for the answer do not fit the context;
 * - `SEQUENCE`: the elements are in no order that can be laid out;
 * - `SEQUENCE_JSON`: not the JSON form of a sequence; `path` says where;
 * - `SPECIAL_TOKEN`: the tokenizer lacks a token that the format needs;
 * - `PROMPT_VALUE`: a named prompt lacks a value, or was given one it has no place for.
 */
export class SequenceError extends EmuError {
  readonly got: string | number;
  readonly wanted: string | number;
  readonly path: string | undefined;

  constructor(
    code: string,
    message: string,
    sides: { got: string | number; wanted: string | number; path?: string; hint?: string },
  ) {
    super(code, message, sides.hint === undefined ? {} : { hint: sides.hint });
    this.got = sides.got;
    this.wanted = sides.wanted;
    this.path = sides.path;
  }
}
