/** What `make-goldens` is asked for: the sizes of a model, and the cases to compute with it. */
export interface Recipe {
  readonly seed: number;
  /** How weights are kept. Numbers are computed with what the files hold. */
  readonly dtype: 'f32' | 'bf16';
  /** The format of every file of weights; a file named `.bin` may hold safetensors. */
  readonly format: 'safetensors' | 'torch';
  /** Weights lie under the key `module`, as DeepSpeed leaves them (PyTorch files only). */
  readonly wrapped: boolean;
  /** Pieces left of the fixture's tokenizer: characters, bytes and the first merges. */
  readonly pieces: number;
  /** A picture of the fixtures by number, or the size of one to draw. */
  readonly images: readonly (number | readonly [width: number, height: number])[];
  /** Sections as in the released configuration files. */
  readonly config: RecipeConfig;
  /** Documents of the training batch; `{image}` takes the next picture. */
  readonly training: readonly string[];
  readonly updates: number;
  readonly generation: Readonly<Record<string, GenerationRecipe>>;
  readonly rank: RankRecipe;
  readonly drawings: Readonly<Record<string, DrawingRecipe>>;
  readonly pipelines: Readonly<Record<string, PipelineRecipe>>;
  /** Samplers by the goldens' names, and numbers of steps. */
  readonly schedulers: Readonly<Record<string, readonly number[]>>;
  /** Logits processors by the goldens' names. */
  readonly sampling: readonly string[];
  /** Height and width of the UNet's latents where its maps are compared. */
  readonly latents: readonly [height: number, width: number];
  /** Texts of `tokenizer.json`. */
  readonly texts: readonly string[];
}

type Section = Readonly<Record<string, unknown>>;

export interface RecipeConfig {
  readonly emu: {
    readonly embed_dim: number;
    readonly vision_cfg: Readonly<Record<'image_size' | 'patch_size', number>> & Section;
    readonly multimodal_cfg: Section;
    readonly vladapter_cfg: { readonly n_causal: number } & Section;
  };
  readonly llama: { readonly hidden_size: number } & Section;
  readonly t5: Readonly<Record<'vocab_size' | 'd_model', number>> & Section;
  readonly unet: Section;
  readonly vae: Section;
  readonly lora: { readonly r: number; readonly alpha: number };
  readonly safety: {
    readonly projection_dim: number;
    readonly vision: { readonly image_size: number } & Section;
  };
  readonly adamw: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly clip_norm: number;
  };
}

export interface GenerationRecipe {
  readonly prompts: readonly string[];
  /** The first so many pictures stand at the places; null for none. */
  readonly images: number | null;
  readonly options: Readonly<Record<string, number>>;
  /** Answers the reply is one of. */
  readonly answers?: readonly string[];
}

export interface RankRecipe {
  readonly prompts: readonly string[];
  readonly images: number | null;
  readonly candidates: readonly string[];
}

export interface DrawingRecipe {
  /** Rows of one batch; places are marked `[<IMG_PLH>]`. */
  readonly text: readonly string[];
  readonly images: number;
}

export interface PipelineRecipe {
  readonly inputs: readonly string[];
  readonly guidance_scale: number;
  readonly num_inference_steps: number;
  readonly height: number;
  readonly width: number;
}
