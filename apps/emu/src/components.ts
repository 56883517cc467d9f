import type {
  CausalTransformer,
  ImageDecoder,
  LanguageModel,
  RegressionHead,
  SequenceFormat,
  Tokenizer,
  VisualEncoder,
} from '@emu-ts/contracts';

/**
 * The model, part by part. Each is a contract: anything that meets it may stand there, and a researcher who swaps one
 * hands the rest over unchanged.
 */
export interface EmuComponents {
  readonly tokenizer: Tokenizer;
  readonly format: SequenceFormat;
  readonly visualEncoder: VisualEncoder;
  readonly causalTransformer: CausalTransformer;
  readonly languageModel: LanguageModel;
  readonly regressionHead: RegressionHead;
  /** Without one, the model answers in words only. */
  readonly imageDecoder?: ImageDecoder | undefined;
  /** Which prompts the model was trained for. */
  readonly variant: 'base' | 'instruct';
}

/** Frees what components hold, in reverse order of making. One that fails does not keep the others. */
export class Belongings implements AsyncDisposable {
  readonly #things: (AsyncDisposable | Disposable)[] = [];

  add<T extends AsyncDisposable | Disposable>(thing: T): T {
    this.#things.push(thing);
    return thing;
  }

  async dispose(): Promise<void> {
    const failures: unknown[] = [];
    for (const thing of this.#things.splice(0).reverse()) {
      try {
        if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]();
        else thing[Symbol.dispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length) throw new AggregateError(failures, 'Some parts of the model could not be freed.');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
