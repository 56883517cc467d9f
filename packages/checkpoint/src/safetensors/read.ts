import { type Checkpoint, checkpoint, infoOf, tensorOf } from '../checkpoint.js';
import { corrupt } from '../error.js';
import { MAX_SAFETENSORS_HEADER } from '../limits.js';
import { type ByteSource, type ReadOptions, readExactly } from '../source/byte-source.js';
import { parseHeader } from './header.js';

/** One safetensors file. Opening reads the header; reading a tensor reads that tensor's bytes. */
export async function openSafetensors(source: ByteSource, { signal }: ReadOptions): Promise<Checkpoint> {
  const prefix = await readExactly(source, 0, 8, 'The length of the safetensors header', signal);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_SAFETENSORS_HEADER, source.size - 8))) {
    throw corrupt(
      `The safetensors header claims ${length} bytes; the file has ${source.size}, the format allows ${MAX_SAFETENSORS_HEADER}.`,
      { hint: 'It is truncated or damaged: fetch it again.' },
    );
  }
  const dataStart = 8 + Number(length);
  const json = await readExactly(source, 8, Number(length), 'The safetensors header', signal);
  const { entries: placed, metadata } = parseHeader(json, source.size - dataStart);
  return checkpoint({
    format: 'safetensors',
    entries: new Map([...placed].map(([name, { dtype, shape }]) => [name, infoOf(dtype, shape)])),
    metadata,
    close: () => source.close(),
    async read(name, signal) {
      const { dtype, shape, begin, byteLength } = placed.get(name)!;
      const bytes = await readExactly(source, dataStart + begin, byteLength, `Tensor ${name}`, signal);
      return tensorOf(dtype, shape, bytes);
    },
  });
}
