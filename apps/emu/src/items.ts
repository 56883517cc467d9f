import type { RgbImage, Role } from '@emu-ts/contracts';
import type { MediaInput } from '@emu-ts/media';

/** A decoded picture, or where to read one. */
export type ImageSource = RgbImage | MediaInput;

/** One piece of input. Texts, pictures, videos and roles stand in the order in which the model reads them. */
export type EmuItem =
  | string
  | RgbImage
  | { readonly image: ImageSource }
  /** A file, a folder of frames, or the frames themselves; eight are taken evenly, as in the paper. */
  | { readonly video: MediaInput | readonly ImageSource[]; readonly frames?: number | undefined }
  | { readonly role: Role };

export const isRgbImage = (value: unknown): value is RgbImage =>
  typeof value === 'object' && value !== null && 'width' in value && 'height' in value && 'data' in value;
