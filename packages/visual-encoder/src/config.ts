import { EmuError } from '@emu-ts/base';

/** Sizes of an EVA-CLIP vision transformer. */
export interface EvaClipConfig {
  /** Height and width of a picture, in pixels. */
  readonly imageSize: number;
  /** Height and width of a patch, in pixels; divides the picture's. */
  readonly patchSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  /** Width of the CLIP head, which is part of the checkpoint and unused here. */
  readonly embedDim: number;
  readonly normEps: number;
}

/** EVA-01-CLIP g/14, the image encoder of Emu-14B. */
export const evaClipG14: EvaClipConfig = {
  imageSize: 224,
  patchSize: 14,
  width: 1408,
  layers: 40,
  heads: 16,
  mlpWidth: 6144,
  embedDim: 1024,
  normEps: 1e-6,
};

/** Feature vectors of one picture: one for the whole, one for each patch. */
export const tokenCount = ({ imageSize, patchSize }: EvaClipConfig): number =>
  (imageSize / patchSize) ** 2 + 1;

/**
 * Reads the released model configuration: `embed_dim` and `vision_cfg`, as in `Emu-14B.json`.
 * Throws EmuError `CONFIG` naming the field that is missing or does not fit.
 */
export function parseEvaClipConfig(json: unknown): EvaClipConfig {
  const root = object(json, 'the model configuration');
  const vision = object(root.vision_cfg, 'vision_cfg');
  const whole = (name: string) => positive(vision[name], `vision_cfg.${name}`, true);
  const [imageSize, patchSize, width, headWidth] = ['image_size', 'patch_size', 'width', 'head_width'].map(
    whole,
  );
  if (imageSize % patchSize !== 0)
    throw misfit(`image_size ${imageSize} is not a multiple of patch_size ${patchSize}`);
  if (width % headWidth !== 0) throw misfit(`width ${width} is not a multiple of head_width ${headWidth}`);
  return {
    imageSize,
    patchSize,
    width,
    layers: whole('layers'),
    heads: width / headWidth,
    mlpWidth: Math.floor(width * positive(vision.mlp_ratio, 'vision_cfg.mlp_ratio', false)),
    embedDim: positive(root.embed_dim, 'embed_dim', true),
    normEps: 1e-6,
  };
}

const misfit = (what: string) =>
  new EmuError('CONFIG', `The vision configuration does not fit together: ${what}.`);

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new EmuError('CONFIG', `Wanted an object for ${what}, got ${JSON.stringify(value)}.`);
}

function positive(value: unknown, what: string, whole: boolean): number {
  if (typeof value === 'number' && value > 0 && (!whole || Number.isInteger(value))) return value;
  throw new EmuError(
    'CONFIG',
    `Wanted a positive ${whole ? 'whole ' : ''}number for ${what}, got ${JSON.stringify(value)}.`,
  );
}
