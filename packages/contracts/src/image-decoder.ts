import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { AnyTensor } from '@emu-ts/graph';
import type { SafetyVerdict } from './safety-checker.js';
import type { SchedulerFactory } from './scheduler.js';

/** A picture as bytes: red, green, blue, row by row; `3 · width · height` of them. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface DecodedImage extends RgbImage {
  /** The safety checker refused the picture: `data` is all black. False where there is no checker. */
  readonly flagged: boolean;
  readonly verdict?: SafetyVerdict | undefined;
}

/** A rough look at a picture in the making. */
export interface ImagePreview {
  /** Model calls done, and how many there will be. */
  readonly step: number;
  readonly steps: number;
  /** One small picture per image of the batch. */
  readonly images: readonly RgbImage[];
}

export interface DecodeImageOptions extends CallOptions {
  /** Denoising steps. A scheduler may call the model a little more often. */
  readonly steps?: number | undefined;
  /**
   * How far to go from the unconditioned towards the conditioned prediction. At most 1: no guidance, and the condition
   * holds no negative rows.
   */
  readonly guidanceScale?: number | undefined;
  /** Pixels; multiples of the decoder's downscale. */
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** Of the start noise: any integer up to 2^53. Equal seeds give equal pictures. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Pictures drawn for each one that is given: the one that shows most of its condition. Default 1. Decoders that do not
   * judge what they draw refuse more with `CANDIDATES`.
   */
  readonly candidates?: number | undefined;
  /** Start noise N(0, 1) `[b c h w]` in latent pixels, in place of the seed. */
  readonly latents?: HostTensor | undefined;
  /** One of the decoder's schedulers by name, or any other. */
  readonly scheduler?: string | SchedulerFactory | undefined;
  /** Called between steps; whoever passes it pays for the previews. */
  readonly onPreview?: ((preview: ImagePreview) => void) | undefined;
  /** A preview every so many steps. Default 5. */
  readonly previewEvery?: number | undefined;
}

/** Turns image embeddings into pictures, with its weights on some executor. */
export interface ImageDecoder extends AsyncDisposable {
  /** Rows and width of the condition of one image: `[rows, width]`; rows 0 means any number. */
  readonly condition: { readonly rows: number; readonly width: number };
  /** Where the condition of an unconditioned prediction comes from: the empty prompt, an all-zero image, or nowhere. */
  readonly nullCondition: 'empty-prompt' | 'zero-image' | 'none';
  /** What `decode` takes where a call does not say; absent: 50 steps and a guidance scale of 7.5, as in the reference. */
  readonly defaults?: Readonly<Required<Pick<DecodeImageOptions, 'steps' | 'guidanceScale'>>> | undefined;
  /**
   * @param condition f32 `[2b n d]` with guidance: b conditions, then their b negatives; `[b n d]` without. Stays the
   *   caller's.
   * @returns b pictures. `onProgress` counts model calls in phase `denoise`, then pictures in phase `decode`.
   * @throws before anything is computed: ShapeError `SHAPE` for another condition or other latents; EmuError `STEPS`,
   *   `SCHEDULER`, `GUIDANCE`, `IMAGE_SIZE`, `SEED` or `CANDIDATES` for an option that cannot be; `DISPOSED` after `dispose`
   */
  decode(condition: AnyTensor, options?: DecodeImageOptions): Promise<DecodedImage[]>;
  /** Frees the weights and programs, never the executor. */
  dispose(): Promise<void>;
}
