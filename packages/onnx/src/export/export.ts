import { toBinary } from '@bufbuild/protobuf';
import { type CallOptions, EmuError } from '@emu-ts/base';
import { byteLength, type Initializer, type Placement } from '../model/protos.js';
import { ModelProtoSchema } from '../proto/onnx_pb.js';
import { type BuildOptions, type Built, build, type ExportSource } from './build.js';
import { type PendingFile, writeFiles } from './write.js';

export interface ModelOptions extends BuildOptions, CallOptions {
  /** The graph's name in the file. */
  readonly name?: string | undefined;
  /** Key and value pairs in the file, such as a licence or the configuration. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface ExportOptions extends ModelOptions {
  /** The file to write, by convention `….onnx`. */
  readonly path: string;
  /**
   * Weights in a second file `…_data` beside the first, as a message cannot hold more than 2 GB.
   * Default: when they exceed a gigabyte.
   */
  readonly externalData?: boolean | undefined;
}

export interface Exported {
  /** The files written, the model first. */
  readonly files: readonly string[];
  readonly bytes: number;
}

const gigabyte = 2 ** 30;
/** The format allows 2³¹ − 1 bytes; the rest is for the nodes. */
const messageLimit = 2 ** 31 - 2 ** 24;
/** External tensors start at pages, so that readers can map them into memory. */
const page = 4096;

/**
 * A whole model as the bytes of one ONNX file, for wherever there is no file system. `EXPORT`: the weights do not fit
 * a message; `DYNAMIC_AXIS`: see `exportOnnx`.
 */
export async function onnxModel(source: ExportSource, options: ModelOptions = {}): Promise<Uint8Array> {
  const { signal } = options;
  signal?.throwIfAborted();
  const built = build(source, options);
  const total = weightBytes(built);
  if (total > messageLimit)
    throw new EmuError('EXPORT', `One ONNX message holds 2 GB, these weights are ${total} bytes.`, {
      hint: 'Use exportOnnx, which puts them into a second file.',
    });
  const inline = new Map<string, Uint8Array>();
  for (const { initializer } of built.lowered.embedded)
    inline.set(initializer, await built.read(initializer, { signal }));
  return message(built, ({ name, data }) => data ?? (inline.get(name) as Uint8Array), options);
}

/**
 * Writes a graph as an ONNX file that any ONNX tool opens: named inputs and outputs, weights as initializers, and with
 * `axes` dimensions that may have any size. The files appear whole or not at all.
 *
 * `DYNAMIC_AXIS`: something in the graph does not follow the named axes, and the error names the node. `WEIGHTS`: a
 * weight does not fit. `EXPORT`: the files could not be written. Node only.
 */
export async function exportOnnx(source: ExportSource, options: ExportOptions): Promise<Exported> {
  const { path, signal, onProgress } = options;
  signal?.throwIfAborted();
  const built = build(source, options);
  const total = weightBytes(built);
  if (!(options.externalData ?? total > gigabyte)) {
    const model = await onnxModel(source, options);
    await writeFiles([path], async ([file]) => {
      signal?.throwIfAborted();
      await file.write(model);
    });
    onProgress?.({ phase: 'export', component: path, loaded: model.length, total: model.length });
    return { files: [path], bytes: model.length };
  }
  const data = `${path}_data`;
  let bytes = 0;
  await writeFiles([data, path], async ([weights, file]) => {
    const places = new Map<string, Placement>();
    for (const initializer of built.lowered.model.initializers) {
      if (initializer.data) continue;
      const { name } = initializer;
      const content = await built.read(name, { signal });
      signal?.throwIfAborted();
      await align(weights);
      places.set(name, { file: baseName(data), offset: weights.position, length: content.length });
      await weights.write(content);
      onProgress?.({ phase: 'export', component: name, loaded: weights.position, total });
    }
    await file.write(
      message(built, ({ name, data: own }) => own ?? (places.get(name) as Placement), options),
    );
    bytes = weights.position + file.position;
  });
  return { files: [path, data], bytes };
}

const message = (
  { lowered }: Built,
  place: (initializer: Initializer) => Placement,
  { name = 'emu', metadata = {} }: ModelOptions,
): Uint8Array => toBinary(ModelProtoSchema, lowered.model.model(place, { name, metadata }));

const weightBytes = ({ lowered }: Built): number =>
  lowered.model.initializers.reduce((n, initializer) => n + byteLength(initializer), 0);

async function align(file: PendingFile): Promise<void> {
  const rest = file.position % page;
  if (rest) await file.write(new Uint8Array(page - rest));
}

const baseName = (path: string): string => path.split(/[\\/]/).pop() as string;
