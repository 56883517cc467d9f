import type { Direction, EventKind } from '../world/motion.js';
import type { Facts, ObjectFacts, Scene } from '../world/scene.js';
import type { ColourName, PlaceName, RelationName, ShapeName, SizeName } from '../world/vocabulary.js';

/** What kind of thing an answer has to name. */
export type Asked =
  | 'colour'
  | 'shape'
  | 'size'
  | 'count'
  | 'place'
  | 'object'
  | 'yes-no'
  | 'direction'
  | 'event';

/** What happens, as words tell it. */
export interface EventFacts {
  readonly object: Facts;
  readonly kind: EventKind;
  readonly direction?: Direction | undefined;
  readonly colour?: ColourName | undefined;
}

/** The reply is a short answer. An object counts as named by its colour and shape; its size, if said, has to be right. */
export interface AnswerTruth {
  readonly kind: 'answer';
  readonly asked: Asked;
  readonly value:
    | ColourName
    | ShapeName
    | SizeName
    | PlaceName
    | Direction
    | EventKind
    | number
    | boolean
    | Facts;
  /** The object whose colour, shape or size is asked for; of a yes-or-no question, what it supposes of the object. */
  readonly about?: ObjectFacts | undefined;
}

/** The reply is a caption of the scene. */
export interface CaptionTruth {
  readonly kind: 'caption';
  readonly scene: Scene;
  /** Saying something right is enough. */
  readonly partial?: boolean | undefined;
}

/** The reply is a document of these pictures, each with its words. */
export interface DocumentTruth {
  readonly kind: 'document';
  readonly scenes: readonly Scene[];
}

/** The reply tells what happens in a video, in order. */
export interface EventsTruth {
  readonly kind: 'events';
  readonly events: readonly EventFacts[];
}

/** The reply is an image of these objects and no others; what is absent may be as it likes. */
export interface ImageTruth {
  readonly kind: 'image';
  readonly objects: readonly ObjectFacts[];
  /** The first object's relation to the second. */
  readonly relation?: RelationName | undefined;
}

/** The reply is a description and an image. */
export interface BothTruth {
  readonly kind: 'both';
  readonly caption: Pick<CaptionTruth, 'scene'>;
  readonly image: Pick<ImageTruth, 'objects'>;
}

/** What a right reply says or shows. Plain data. */
export type Truth = AnswerTruth | CaptionTruth | DocumentTruth | EventsTruth | ImageTruth | BothTruth;
