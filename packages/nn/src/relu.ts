import { max, type Value } from '@emu-ts/graph';

/** max(0, x). The gradient at exactly 0 is 0. */
export const relu = (x: Value): Value => max(0, x);
