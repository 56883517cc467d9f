import type { Role, Sequence, SequenceElement } from '@emu-ts/contracts';
import type { RgbImage } from '@emu-ts/media';
import { chat, image, type Message, SequenceError, text } from '@emu-ts/sequence';
import { dataFile, type FileSource, readText } from '../files/data-file.js';
import { type Fields, fieldsOf, lines, objectOf } from '../files/lines.js';
import { RowError } from '../stream/bad-rows.js';
import { type Row, type RowContext, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { folderOf, type ReaderOptions, readImage } from './options.js';
import { shardOf } from './pairs.js';

/**
 * Instruction data as dialogues, from a JSON array or JSON lines (`.jsonl`). A row is LLaVA's
 * (`{"image": "1.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is this?"}, …]}`) or chat messages
 * (`{"messages": [{"role": "user", "content": "…" or [{"type": "text", …}, {"type": "image", "image": "1.jpg"}]}, …]}`;
 * `image_url` parts are read as well).
 */
export const instructionData = (
  files: readonly FileSource[],
  options: Omit<ReaderOptions, 'imageFirst'> = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource(
    () =>
      files.map((source) =>
        shardOf<Uint8Array | Fields>(source, (file, from, signal) =>
          isLines(source) ? lines(file, from, signal) : arrayRows(source, from, signal),
        ),
      ),
    (row, context) => {
      const fields = row instanceof Uint8Array ? objectOf(row) : fieldsOf(row);
      return dialogueOf(fields, context, options);
    },
    options,
  );

const isLines = (source: FileSource): boolean => /\.(jsonl|ndjson)(\.gz)?$/.test(dataFile(source).name);

async function* arrayRows(
  source: FileSource,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Row<Fields>> {
  const { name } = dataFile(source);
  let rows: unknown;
  try {
    rows = JSON.parse(await readText(source, signal));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new RowError(`${name} is no JSON: ${cause.message}.`, { cause });
  }
  if (!Array.isArray(rows))
    throw new RowError(`${name} holds no array; wanted one of rows, or JSON lines in a .jsonl file.`);
  for (let row = from; row < rows.length; row++) {
    const key = (rows[row] as { id?: unknown } | null)?.id;
    const named = typeof key === 'string' || typeof key === 'number' ? { key: String(key) } : {};
    yield { value: rows[row] as Fields, place: { file: name, row, ...named } };
  }
}

async function dialogueOf(
  fields: Fields,
  context: RowContext,
  options: ReaderOptions,
): Promise<Sequence<RgbImage>> {
  const messages = 'conversations' in fields ? llavaMessages(fields) : chatMessages(fields);
  if (!messages.some(({ role }) => role === 'assistant'))
    throw new RowError('Nobody answers: the dialogue has no assistant turn.');
  const loaded: Message<RgbImage>[] = [];
  for (const { role, content } of messages) {
    const elements: SequenceElement<RgbImage>[] = [];
    for (const part of content) {
      if (part.type === 'text') elements.push(part);
      else if (part.type === 'image') {
        elements.push(image(await readImage(part.image, folderOf(context.place.file), context, options)));
      }
    }
    loaded.push({ role, content: elements });
  }
  try {
    return chat(loaded);
  } catch (cause) {
    if (cause instanceof SequenceError) throw new RowError(cause.message, { cause });
    throw cause;
  }
}

interface Drafted {
  readonly role: Role;
  readonly content: Sequence<string>;
}

const llavaRoles: Readonly<Record<string, Role>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  system: 'system',
};

function llavaMessages(fields: Fields): Drafted[] {
  const images = typeof fields.image === 'string' ? [fields.image] : fields.image;
  const given = Array.isArray(images) ? (images as unknown[]).filter((one) => typeof one === 'string') : [];
  let used = 0;
  const messages = listOf(fields, 'conversations').map((turn): Drafted => {
    const { from, value } = fieldsOf(turn);
    const role = llavaRoles[String(from)];
    if (!role || typeof value !== 'string')
      throw new RowError(
        `A turn has from ${JSON.stringify(from)}, wanted human or gpt, and a text as value.`,
      );
    const content = value.split(/(<image>)/).flatMap((part): Sequence<string> => {
      if (part !== '<image>') return wordsOf(part);
      const ref = given[used++];
      return ref === undefined ? [] : [image(ref)];
    });
    return { role, content };
  });
  if (used === given.length) return messages;
  if (used > 0 || given.length > 1)
    throw new RowError(`The turns have ${used} places <image> for ${given.length} images.`);
  // A picture without a place is spoken of from the beginning.
  const first = messages.findIndex(({ role }) => role === 'user');
  return messages.map((message, i) =>
    i === first ? { ...message, content: [image(given[0]), ...message.content] } : message,
  );
}

function chatMessages(fields: Fields): Drafted[] {
  return listOf(fields, 'messages').map((turn): Drafted => {
    const { role, content } = fieldsOf(turn);
    if (role !== 'system' && role !== 'user' && role !== 'assistant') {
      throw new RowError(`A message has role ${JSON.stringify(role)}, wanted system, user or assistant.`);
    }
    if (typeof content === 'string') return { role, content: wordsOf(content) };
    if (!Array.isArray(content))
      throw new RowError('The content of a message is neither a text nor a list of parts.');
    return { role, content: content.flatMap((part) => partOf(fieldsOf(part))) };
  });
}

function partOf(part: Fields): Sequence<string> {
  if (part.type === 'text' && typeof part.text === 'string') return wordsOf(part.text);
  const nested = part.image_url;
  const url = typeof nested === 'object' && nested !== null ? (nested as Fields).url : nested;
  const ref = part.type === 'image' ? (part.image ?? url) : part.type === 'image_url' ? url : undefined;
  if (typeof ref === 'string') return [image(ref)];
  throw new RowError(
    `Got a part of type ${JSON.stringify(part.type)}, wanted text, image or image_url with its content.`,
  );
}

const wordsOf = (words: string): Sequence<string> => (words.trim() === '' ? [] : [text(words.trim())]);

function listOf(fields: Fields, name: string): readonly unknown[] {
  const list = fields[name];
  if (Array.isArray(list) && list.length > 0) return list;
  throw new RowError(
    `Wanted turns in 'conversations' or 'messages', got ${Object.keys(fields).join(', ') || 'nothing'}.`,
  );
}
