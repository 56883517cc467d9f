import { isNode } from '@emu-ts/base';
import { MediaError } from './error.js';

/** Throws `UNSUPPORTED_RUNTIME` where there are no Node modules (files, child processes). */
export function needNode(what: string, hint: string): void {
  if (!isNode())
    throw new MediaError('UNSUPPORTED_RUNTIME', `${what} needs Node, and this is not Node.`, { hint });
}
