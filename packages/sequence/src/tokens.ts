import { emuTokens, type Tokenizer } from '@emu-ts/contracts';
import { SequenceError } from './error.js';

/** The ids that structure a sequence. */
export interface SequenceTokens {
  readonly bos: number;
  readonly eos: number;
  readonly pad: number;
  readonly imageOpen: number;
  readonly imageClose: number;
  readonly image: number;
  /** The instruction tokens, where the tokenizer has them. */
  readonly chat: { readonly user: number; readonly assistant: number } | undefined;
  /** The ids of the colon that the template puts after a role. */
  readonly colon: readonly number[];
}

/** @throws SequenceError `SPECIAL_TOKEN` when the tokenizer has no image or padding token. */
export function sequenceTokens(tokenizer: Tokenizer): SequenceTokens {
  const id = (token: string): number => {
    const found = tokenizer.special.get(token);
    if (found !== undefined) return found;
    const known = [...tokenizer.special.keys()].join(' ');
    throw new SequenceError(
      'SPECIAL_TOKEN',
      `The tokenizer has no ${token}; its special tokens are ${known}.`,
      {
        got: known,
        wanted: token,
        hint: 'Load it with the added tokens of Emu.',
      },
    );
  };
  const user = tokenizer.special.get(emuTokens.user);
  const assistant = tokenizer.special.get(emuTokens.assistant);
  return {
    bos: tokenizer.bosId,
    eos: tokenizer.eosId,
    pad: id(emuTokens.pad),
    imageOpen: id(emuTokens.imageOpen),
    imageClose: id(emuTokens.imageClose),
    image: id(emuTokens.image),
    chat: user === undefined || assistant === undefined ? undefined : { user, assistant },
    colon: tokenizer.encode(':', { bos: false }),
  };
}
