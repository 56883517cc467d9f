/**
 * The part of a SentencePiece model file that decoding and BPE encoding need, as a protobuf schema built at run time:
 * a dozen fields do not justify a code generator. Field numbers and defaults are those of `sentencepiece_model.proto`
 * (google/sentencepiece). The enums are read as int32, which has the same wire form.
 */
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

export interface PieceProto {
  piece: string;
  score: number;
  type: number;
}

interface TrainerProto {
  modelType: number;
  treatWhitespaceAsSuffix: boolean;
  byteFallback: boolean;
  unkPiece: string;
  bosPiece: string;
  eosPiece: string;
}

export interface NormalizerProto {
  name: string;
  precompiledCharsmap: Uint8Array;
  addDummyPrefix: boolean;
  removeExtraWhitespaces: boolean;
  escapeWhitespaces: boolean;
}

export interface ModelProto extends Message<'sentencepiece.ModelProto'> {
  pieces: PieceProto[];
  trainerSpec?: TrainerProto;
  normalizerSpec?: NormalizerProto;
  denormalizerSpec?: NormalizerProto;
}

const field = (number: number, name: string, type: Type, defaultValue?: string) => ({
  name,
  number,
  type,
  label: Label.OPTIONAL,
  ...(defaultValue === undefined ? {} : { defaultValue }),
});
const nested = (number: number, name: string, typeName: string, label = Label.OPTIONAL) => ({
  name,
  number,
  type: Type.MESSAGE,
  label,
  typeName: `.sentencepiece.${typeName}`,
});

const file = {
  name: 'sentencepiece_model.proto',
  package: 'sentencepiece',
  syntax: 'proto2',
  messageType: [
    {
      name: 'SentencePiece',
      field: [
        field(1, 'piece', Type.STRING),
        field(2, 'score', Type.FLOAT),
        field(3, 'type', Type.INT32, '1'),
      ],
    },
    {
      name: 'TrainerSpec',
      field: [
        field(3, 'model_type', Type.INT32, '1'),
        field(24, 'treat_whitespace_as_suffix', Type.BOOL, 'false'),
        field(35, 'byte_fallback', Type.BOOL, 'false'),
        field(45, 'unk_piece', Type.STRING, '<unk>'),
        field(46, 'bos_piece', Type.STRING, '<s>'),
        field(47, 'eos_piece', Type.STRING, '</s>'),
      ],
    },
    {
      name: 'NormalizerSpec',
      field: [
        field(1, 'name', Type.STRING),
        field(2, 'precompiled_charsmap', Type.BYTES),
        field(3, 'add_dummy_prefix', Type.BOOL, 'true'),
        field(4, 'remove_extra_whitespaces', Type.BOOL, 'true'),
        field(5, 'escape_whitespaces', Type.BOOL, 'true'),
      ],
    },
    {
      name: 'ModelProto',
      field: [
        nested(1, 'pieces', 'SentencePiece', Label.REPEATED),
        nested(2, 'trainer_spec', 'TrainerSpec'),
        nested(3, 'normalizer_spec', 'NormalizerSpec'),
        nested(5, 'denormalizer_spec', 'NormalizerSpec'),
      ],
    },
  ],
};

let schema: DescMessage | undefined;

/** The schema of a whole model file. */
function modelProtoSchema(): DescMessage {
  schema ??= createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage(
    'sentencepiece.ModelProto',
  )!;
  return schema;
}

/** Reads a model file; throws what the protobuf library throws when the bytes are not one. */
export const readModelProto = (bytes: Uint8Array): ModelProto =>
  fromBinary(modelProtoSchema(), bytes) as ModelProto;

/** The file of a BPE model with byte fallback that keeps every space, as LLaMA's does. */
export function writeModelProto({ pieces }: { readonly pieces: readonly PieceProto[] }): Uint8Array {
  const init = {
    pieces,
    trainerSpec: { modelType: 2, byteFallback: true },
    normalizerSpec: { name: 'identity', addDummyPrefix: true, removeExtraWhitespaces: false },
  };
  return toBinary(modelProtoSchema(), create(modelProtoSchema(), init as MessageInitShape<DescMessage>));
}
