export type Role = 'system' | 'user' | 'assistant';

export interface TextElement {
  readonly type: 'text';
  readonly text: string;
}

export interface ImageElement<I> {
  readonly type: 'image';
  readonly image: I;
}

/** Frames in time order; each takes the place of one image. */
export interface VideoElement<I> {
  readonly type: 'video';
  readonly frames: readonly I[];
}

/** Whose words follow, until the next role. */
export interface RoleElement {
  readonly type: 'role';
  readonly role: Role;
}

/** The end of a finished turn or document: the end-of-sequence token. */
export interface EndElement {
  readonly type: 'end';
}

/** Here the model is to open an image; always the last element. */
export interface GenerateElement {
  readonly type: 'generate';
}

/** One element of an interleaved sequence. `I` is what stands for an image: pixels, features, a path. */
export type SequenceElement<I> =
  | TextElement
  | ImageElement<I>
  | VideoElement<I>
  | RoleElement
  | EndElement
  | GenerateElement;

/** Text, images and video in the order in which the model reads them. */
export type Sequence<I> = readonly SequenceElement<I>[];

export interface SequenceEncodeOptions {
  /** End with the end-of-sequence id, as training documents do; false by default. */
  readonly eos?: boolean | undefined;
  /** Positions the model has. A longer sequence throws `CONTEXT_LENGTH`. Unlimited by default. */
  readonly contextLength?: number | undefined;
  /** Positions of the context kept free for what the model adds; 0 by default. */
  readonly reserve?: number | undefined;
}

export interface EncodedSequence<I> {
  /** `[length]` token ids, begin-of-sequence first. */
  readonly ids: readonly number[];
  /** `[images]` position of the first `<image>` of each image; its run is `queries` long. */
  readonly imageSlots: readonly number[];
  /** `[images]` payloads in the order of their slots. */
  readonly images: readonly I[];
  /** The prompt string that was tokenised. */
  readonly text: string;
}

export interface TargetOptions {
  /** Only what the assistant says is supervised: text and images. False by default. */
  readonly answersOnly?: boolean | undefined;
  /** Text labels also ask for `[IMG]` where an image begins. False by default, as the reference trains. */
  readonly superviseImageOpen?: boolean | undefined;
}

/** What one row of ids is trained on. */
export interface TrainingTargets {
  /**
   * `[length]` the id at each position, or −100 where nothing is asked. Not shifted: `labels[i]` is what the logits
   * at position i − 1 have to predict, so `labels[0]` is never used.
   */
  readonly labels: Int32Array;
  /** `[pairs]` positions whose hidden state goes through the regression head: `[IMG]` and every `<image>`. */
  readonly regressionInputs: Int32Array;
  /** `[pairs]` positions whose input embedding is the target, each one after its input: `<image>` and `[/IMG]`. */
  readonly regressionLabels: Int32Array;
}

/** Lays interleaved sequences out as token ids, and says what each position is trained on. */
export interface SequenceFormat {
  /** Embeddings per image: the length of each run of `<image>`. */
  readonly queries: number;
  /** The prompt string, placeholders included. */
  render(sequence: Sequence<unknown>): string;
  /** @throws EmuError `IMAGE_COUNT` when placeholders and images differ, `CONTEXT_LENGTH` when it is too long. */
  encode<I>(sequence: Sequence<I>, options?: SequenceEncodeOptions): EncodedSequence<I>;
  /** @param ids one row `[length]`; padding is allowed on either side. */
  targets(ids: ArrayLike<number>, options?: TargetOptions): TrainingTargets;
}
