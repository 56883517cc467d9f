import { TokenizerError } from './error.js';
import { type ModelProto, type NormalizerProto, type PieceProto, readModelProto } from './model-proto.js';

/** Kinds of piece, as numbered in the model file. */
export const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The word that stands for a space inside pieces: U+2581. */
export const spaceSymbol = '\u2581';

/** A SentencePiece BPE model, checked. Ids are positions in `pieces`. */
export interface SentencePieceModel {
  readonly pieces: readonly PieceProto[];
  readonly unkId: number;
  readonly bosId: number;
  readonly eosId: number;
  /** Id of the piece of each byte value, when unknown characters fall back to bytes. */
  readonly byteIds: readonly number[] | undefined;
  /** Byte value of each byte piece's id. */
  readonly byteValues: ReadonlyMap<number, number>;
  readonly normalizer: NormalizerProto;
}

const invalid = (message: string, cause?: unknown): never => {
  throw new TokenizerError('TOKENIZER_MODEL', message, {
    hint: 'Pass the bytes of a whole SentencePiece tokenizer.model.',
    cause,
  });
};
const unsupported = (message: string): never => {
  throw new TokenizerError('TOKENIZER_UNSUPPORTED', message);
};

const modelTypes = ['', 'unigram', 'BPE', 'word', 'char'];

/** @throws TokenizerError `TOKENIZER_MODEL` or `TOKENIZER_UNSUPPORTED`. */
export function readModel(bytes: Uint8Array): SentencePieceModel {
  const { pieces, trainerSpec, normalizerSpec, denormalizerSpec } = parse(bytes);
  if (!trainerSpec || !normalizerSpec) {
    return invalid(
      `The model file ends after ${pieces.length} pieces, without its trainer or normaliser part.`,
    );
  }
  if (trainerSpec.modelType !== 2) {
    const type = modelTypes[trainerSpec.modelType] ?? `type ${trainerSpec.modelType}`;
    return unsupported(`The model is a SentencePiece ${type} model; only BPE models are supported.`);
  }
  if (trainerSpec.treatWhitespaceAsSuffix) {
    return unsupported('The model treats whitespace as a suffix; only the prefix form is supported.');
  }
  if (denormalizerSpec?.precompiledCharsmap.length) {
    return unsupported('The model rewrites text after decoding (denormaliser); this is not supported.');
  }
  checkPieces(pieces);
  const control = (piece: string): number => {
    const id = pieces.findIndex((p) => p.piece === piece);
    return pieces[id]?.type === kinds.control
      ? id
      : invalid(`The model has no control piece ${JSON.stringify(piece)}.`);
  };
  const byteValues = readByteValues(pieces);
  return {
    pieces,
    unkId: pieces.findIndex((p) => p.type === kinds.unknown),
    bosId: control(trainerSpec.bosPiece),
    eosId: control(trainerSpec.eosPiece),
    byteIds: trainerSpec.byteFallback ? invertBytes(byteValues) : undefined,
    byteValues,
    normalizer: normalizerSpec,
  };
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return readModelProto(bytes);
  } catch (cause) {
    return invalid(
      `The ${bytes.length} bytes given are not a SentencePiece model: ${(cause as Error).message}.`,
      cause,
    );
  }
}

function checkPieces(pieces: readonly PieceProto[]): void {
  const seen = new Map<string, number>();
  for (const [id, { piece, score, type }] of pieces.entries()) {
    const where = `Piece ${id} (${JSON.stringify(piece)})`;
    if (piece === '') invalid(`Piece ${id} is empty.`);
    if (seen.has(piece)) invalid(`${where} repeats piece ${seen.get(piece)}.`);
    if (type < kinds.normal || type > kinds.byte) invalid(`${where} has type ${type}, wanted 1 to 6.`);
    if (Number.isNaN(score)) invalid(`${where} has no number as its score.`);
    seen.set(piece, id);
  }
  const unknown = pieces.filter((p) => p.type === kinds.unknown).length;
  if (unknown !== 1) invalid(`The model has ${unknown} unknown pieces, wanted 1.`);
}

function readByteValues(pieces: readonly PieceProto[]): Map<number, number> {
  const values = new Map<number, number>();
  for (const [id, { piece, type }] of pieces.entries()) {
    if (type !== kinds.byte) continue;
    const hex = /^<0x([0-9A-F]{2})>$/.exec(piece);
    if (!hex) return invalid(`Byte piece ${id} is ${JSON.stringify(piece)}, wanted <0x00> to <0xFF>.`);
    values.set(id, Number.parseInt(hex[1], 16));
  }
  return values;
}

function invertBytes(values: ReadonlyMap<number, number>): number[] {
  if (values.size !== 256) {
    return invalid(`The model falls back to bytes but has ${values.size} of the 256 byte pieces.`);
  }
  const ids: number[] = [];
  for (const [id, value] of values) ids[value] = id;
  return ids;
}
