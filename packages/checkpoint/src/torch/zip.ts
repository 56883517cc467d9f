/**
 * The zip files that `torch.save` writes since PyTorch 1.6: `NAME/data.pkl` describes the tensors, `NAME/data/KEY`
 * holds each storage uncompressed. The directory is read once; a tensor is then a range of the file.
 */
import { type EntryMetaData, type Reader, ZipReader } from '@zip.js/zip.js/lib/zip-core-reader.js';
import type { Checkpoint } from '../checkpoint.js';
import { CheckpointError, corrupt, quote, unsupported } from '../error.js';
import { Budget, MAX_PICKLE } from '../limits.js';
import { type ByteSource, readExactly } from '../source/byte-source.js';
import { OutOfBytes } from './cursor.js';
import { storageRef } from './globals.js';
import { type TorchOptions, torchCheckpoint } from './torch-checkpoint.js';
import { unpickle } from './unpickle.js';

const LOCAL_HEADER = 30;
const LOCAL_SIGNATURE = 0x04034b50;

interface ZipEntry {
  readonly offset: number;
  readonly size: number;
}

export async function openTorchZip(source: ByteSource, options: TorchOptions): Promise<Checkpoint> {
  const { signal } = options;
  const directory = await readDirectory(source, signal);
  const prefix = findPrefix(directory);
  const starts = new Map<string, number>();

  /** Where an entry's bytes start: its own header says so, and is read on first use. */
  const locate = async (path: string, signal: AbortSignal | undefined): Promise<number> => {
    const known = starts.get(path);
    if (known !== undefined) return known;
    const { offset, size } = directory.get(path)!;
    const header = await readExactly(source, offset, LOCAL_HEADER, `The zip entry ${quote(path)}`, signal);
    const view = new DataView(header.buffer, header.byteOffset);
    const start = offset + LOCAL_HEADER + view.getUint16(26, true) + view.getUint16(28, true);
    if (view.getUint32(0, true) !== LOCAL_SIGNATURE || start + size > source.size) {
      throw corrupt(`The zip entry ${quote(path)} is not at byte ${offset}, where the directory says.`);
    }
    starts.set(path, start);
    return start;
  };
  const readEntry = async (path: string, limit: number) => {
    const { size } = directory.get(path)!;
    if (size > limit) {
      throw new CheckpointError(
        'CHECKPOINT_TOO_LARGE',
        `${quote(path)} has ${size} bytes, read are up to ${limit}.`,
      );
    }
    return readExactly(source, await locate(path, signal), size, quote(path), signal);
  };

  if (directory.has(`${prefix}byteorder`)) {
    const order = new TextDecoder().decode(await readEntry(`${prefix}byteorder`, 64));
    if (order !== 'little') {
      throw unsupported(`The file was written in ${quote(order)}-endian byte order, readable is "little".`, {
        hint: 'Load and save it again on a little-endian machine.',
      });
    }
  }
  const pickle = await readEntry(`${prefix}data.pkl`, MAX_PICKLE);
  const budget = new Budget('The pickle');
  const path = (key: string) => `${prefix}data/${key}`;
  try {
    const { value } = unpickle(pickle, 0, { budget, persistent: storageRef });
    return torchCheckpoint({
      format: 'torch-zip',
      source,
      root: value,
      budget,
      options,
      storageBytes: (key) => directory.get(path(key))?.size,
      locate: (storage, signal) => locate(path(storage.key), signal),
    });
  } catch (error) {
    if (error instanceof OutOfBytes)
      throw corrupt(`The pickle of ${pickle.length} bytes ends before its STOP.`);
    throw error;
  }
}

/** The entries by path; only stored, unencrypted ones can be read at random. */
async function readDirectory(
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<Map<string, ZipEntry>> {
  const budget = new Budget('The zip directory');
  const entries = new Map<string, ZipEntry>();
  const zip = new ZipReader(zipReader(source, signal));
  try {
    for await (const entry of zip.getEntriesGenerator()) {
      signal?.throwIfAborted();
      budget.spend(400 + 4 * entry.filename.length);
      if (!entry.directory) addEntry(entries, entry);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof CheckpointError) throw cause;
    throw corrupt(
      `The zip directory cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
      {
        hint: 'The file is truncated or damaged: fetch it again.',
        cause,
      },
    );
  }
  return entries;
}

function addEntry(entries: Map<string, ZipEntry>, entry: EntryMetaData): void {
  const { filename, offset, compressedSize, uncompressedSize: size } = entry;
  if (entries.has(filename)) throw corrupt(`The zip file has two entries named ${quote(filename)}.`);
  if (entry.encrypted || entry.compressionMethod !== 0 || compressedSize !== size) {
    throw unsupported(
      `The zip entry ${quote(filename)} is ${entry.encrypted ? 'encrypted' : 'compressed'}, PyTorch stores plain ones.`,
      {
        hint: 'Pack the file again without compression (zip -0), or save it again with torch.save.',
      },
    );
  }
  entries.set(filename, { offset, size });
}

/** The folder that holds `data.pkl`, with its slash. */
function findPrefix(directory: ReadonlyMap<string, ZipEntry>): string {
  const pickles = [...directory.keys()].filter((path) => /^([^/]+\/)?data\.pkl$/.test(path));
  if (pickles.length === 1) return pickles[0].slice(0, -'data.pkl'.length);
  const holds = directory.size === 0 ? 'is empty' : `holds ${quote(directory.keys().next().value ?? '')}`;
  throw new CheckpointError(
    'UNKNOWN_FORMAT',
    `A PyTorch checkpoint has one NAME/data.pkl; this zip file has ${pickles.length} and ${holds}.`,
  );
}

/**
 * A `ByteSource` as zip.js reads it: reads past the end are shortened, as it expects. The entry point that leaves
 * out compression has no `Reader` class to extend; zip.js asks for these two members only.
 */
function zipReader(source: ByteSource, signal: AbortSignal | undefined): Reader<ByteSource> {
  const reader: Pick<Reader<ByteSource>, 'size' | 'readUint8Array'> = {
    size: source.size,
    readUint8Array(offset, length) {
      const start = Math.max(0, Math.min(offset, source.size));
      const end = Math.max(start, Math.min(offset + length, source.size));
      return readExactly(source, start, end - start, 'The zip directory', signal);
    },
  };
  return reader as Reader<ByteSource>;
}
