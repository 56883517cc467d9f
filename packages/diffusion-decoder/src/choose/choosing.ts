import { type CallOptions, EmuError, type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type { DecodedImage, DecodeImageOptions, ImageDecoder, RgbImage } from '@emu-ts/contracts';
import { type AnyTensor, formatType, isDeviceTensor } from '@emu-ts/graph';

/** What a model sees in pictures, in the terms in which it asked for them: f32 `[b n d]`, one row of `n` a picture. */
export type Look = (images: readonly RgbImage[], options: CallOptions) => Promise<HostTensor>;

export interface ChoosingOptions {
  readonly look: Look;
  /** Where a call does not say. Default 1: what the decoder draws is what is given. */
  readonly candidates?: number | undefined;
}

/**
 * A decoder that draws several pictures and keeps the one in which the model itself sees most of what it asked for:
 * embedding by embedding, the largest cosine between what is seen and the condition. After the reranking of Ramesh et al.,
 * "Zero-Shot Text-to-Image Generation" (2021), with the encoder whose embeddings the decoder draws from as the judge.
 * The first candidate is the picture that the decoder alone would draw from the same seed. Takes the decoder over.
 */
export const choosing = (decoder: ImageDecoder, options: ChoosingOptions): ImageDecoder =>
  new ChoosingDecoder(decoder, options);

class ChoosingDecoder implements ImageDecoder {
  readonly condition: ImageDecoder['condition'];
  readonly nullCondition: ImageDecoder['nullCondition'];
  readonly defaults: ImageDecoder['defaults'];

  constructor(
    readonly decoder: ImageDecoder,
    readonly options: ChoosingOptions,
  ) {
    ({ condition: this.condition, nullCondition: this.nullCondition, defaults: this.defaults } = decoder);
    expectCandidates(options.candidates ?? 1);
  }

  async decode(
    given: AnyTensor,
    { candidates: wanted, ...options }: DecodeImageOptions = {},
  ): Promise<DecodedImage[]> {
    const candidates = expectCandidates(wanted ?? this.options.candidates ?? 1);
    // Noise that is given is one start: there is nothing to choose from.
    if (candidates === 1 || options.latents) return this.decoder.decode(given, options);
    const { signal, onPreview } = options;
    const scale = options.guidanceScale ?? this.defaults?.guidanceScale ?? 7.5;
    const parts = scale > 1 && this.nullCondition === 'empty-prompt' ? 2 : 1;
    // What cannot be parted is refused by the decoder, as it refuses it of itself.
    if (given.dtype !== 'f32' || given.shape[0] % parts !== 0) return this.decoder.decode(given, options);
    const condition = isDeviceTensor(given) ? await given.read({ signal }) : given;
    const batch = condition.shape[0] / parts;
    const drawn = await this.decoder.decode(repeated(condition, parts, candidates), {
      ...options,
      onPreview:
        onPreview && ((preview) => onPreview({ ...preview, images: preview.images.slice(0, batch) })),
    });
    const seen = await this.options.look(drawn, { signal });
    if (seen.shape.slice(1).join() !== condition.shape.slice(1).join())
      throw new ShapeError(
        `Pictures are seen as ${formatType(seen)}, but drawn from ${formatType(condition)}: they cannot be compared.`,
        { hint: 'Draw with candidates: 1, or look with the encoder whose embeddings the decoder takes.' },
      );
    const alike = likenesses(condition, seen, batch);
    return Array.from({ length: batch }, (_, i) => {
      const own = Array.from({ length: candidates }, (_, k) => k * batch + i);
      // A picture that was refused is given only where all were.
      const allowed = own.filter((at) => !drawn[at].flagged);
      const [first, ...others] = allowed.length ? allowed : own;
      return drawn[others.reduce((best, at) => (alike[at] > alike[best] ? at : best), first)];
    });
  }

  dispose(): Promise<void> {
    return this.decoder.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** Every part of a batch, prompts and then negatives, so many times over: `[parts · b …]` to `[parts · copies · b …]`. */
function repeated(condition: HostTensor, parts: number, copies: number): HostTensor {
  const { shape, data } = condition;
  const length = data.length / parts;
  const out = tensor('f32', [shape[0] * copies, ...shape.slice(1)]);
  for (let part = 0; part < parts; part++) {
    const rows = (data as Float32Array).subarray(part * length, (part + 1) * length);
    for (let k = 0; k < copies; k++) out.data.set(rows, (part * copies + k) * length);
  }
  return out;
}

/**
 * How alike what is seen in every picture is to what it was to show: the cosines of their embeddings, added up. Lengths
 * do not count, since a prediction that hedges is shorter.
 * @param batch conditions, whose pictures recur in turn
 */
function likenesses(condition: HostTensor, seen: HostTensor, batch: number): Float64Array {
  const [, rows, width] = seen.shape;
  return Float64Array.from({ length: seen.shape[0] }, (_, k) => {
    let sum = 0;
    for (let row = 0; row < rows; row++)
      sum += cosine(
        embedding(seen, k * rows + row, width),
        embedding(condition, (k % batch) * rows + row, width),
      );
    return sum;
  });
}

const embedding = ({ data }: HostTensor, row: number, width: number) =>
  (data as Float32Array).subarray(row * width, (row + 1) * width);

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return ab === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

function expectCandidates(candidates: number): number {
  if (Number.isInteger(candidates) && candidates >= 1) return candidates;
  throw new EmuError('CANDIDATES', `candidates must be a whole number from 1 on, got ${candidates}.`);
}
