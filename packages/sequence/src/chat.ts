import type { Role, Sequence } from '@emu-ts/contracts';
import { end, role, text } from './elements.js';
import { SequenceError } from './error.js';
import { systemFor, systemMessages } from './system.js';

export interface Message<I> {
  readonly role: Role;
  /** Text, or text, images and videos in order. */
  readonly content: string | Sequence<I>;
}

export interface ChatOptions {
  /** Leave a last message of the assistant open, to be continued: the words an answer has to begin with. */
  readonly continueLast?: boolean | undefined;
}

/**
 * A dialogue for the instruction-tuned model: `{system} [USER]: {content} [ASSISTANT]: {answer}</s>`. Finished turns end
 * with `</s>`; when the user spoke last, the assistant's turn is opened. Without a system message first, the one that
 * suits what the user shows is used (`systemFor`); an empty one asks for none.
 *
 * @throws SequenceError `SEQUENCE` for a system message that is not first, or the assistant speaking twice in a row.
 */
export function chat<I>(
  messages: readonly Message<I>[],
  { continueLast = false }: ChatOptions = {},
): Sequence<I> {
  const given = messages[0]?.role === 'system' ? contentOf(messages[0]) : undefined;
  const turns = given ? messages.slice(1) : messages;
  // What the assistant draws does not count: a dialogue begins as it did before it was answered.
  const shown = turns.filter(({ role }) => role === 'user').flatMap(contentOf);
  const system = given ?? words(systemMessages[systemFor(shown)]);
  checkTurns(turns);
  const last = turns.length - 1;
  return [
    ...(system.length > 0 ? [role('system'), ...system] : []),
    ...turns.flatMap((turn, i): Sequence<I> => {
      const finished = i < last ? turns[i + 1].role === 'user' : turn.role === 'assistant' && !continueLast;
      return [role(turn.role), ...contentOf(turn), ...(finished ? [end] : [])];
    }),
    ...(turns[last]?.role === 'user' ? [role('assistant')] : []),
  ];
}

const words = (content: string): Sequence<never> => (content === '' ? [] : [text(content)]);
const contentOf = <I>({ content }: Message<I>): Sequence<I> =>
  typeof content === 'string' ? words(content) : content;

function checkTurns(turns: readonly Message<unknown>[]): void {
  for (const [i, { role }] of turns.entries()) {
    if (role === 'user' || (role === 'assistant' && turns[i - 1]?.role !== 'assistant')) continue;
    throw new SequenceError('SEQUENCE', `Turn ${i} of the dialogue is the ${role}'s, out of turn.`, {
      got: role,
      wanted: 'user',
      hint: 'A system message stands first, and the assistant answers the user once.',
    });
  }
}
