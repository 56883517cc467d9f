export { browserCodec, type CanvasHost } from './codec/browser.js';
export type { CodecOptions, FrameSpan, ImageCodec } from './codec/codec.js';
export { defaultCodec } from './codec/codec.js';
export { type SharpCodecOptions, sharpCodec } from './codec/sharp.js';
export {
  DEFAULT_MAX_BYTES,
  DEFAULT_MAX_PIXELS,
  type DecodeOptions,
  decodeImage,
  type EncodeOptions,
  encodePng,
  imageInfo,
  type Limits,
} from './decode.js';
export { MediaError, type MediaErrorCode } from './error.js';
export { clipPreprocess } from './preprocess/clip.js';
export { type ClipConfig, parseClipConfig } from './preprocess/clip-config.js';
export type { Triple } from './preprocess/normalise.js';
export {
  CLIP_MEAN,
  CLIP_STD,
  type PreprocessOptions,
  preprocess,
  preprocessBatch,
} from './preprocess/preprocess.js';
export { type ImageInfo, probeImage } from './probe/probe.js';
export type { FilterName } from './resize/filters.js';
export { type ResizeOptions, resize, resizeBicubic, type Window } from './resize/resize.js';
export { type Colour, type Pixels, pixelsToRgb, type RgbImage, rgbImage } from './rgb-image.js';
export { type ImageFormat, type Sniffed, sniff, type VideoFormat } from './sniff.js';
export type { MediaInput } from './source.js';
export type { Programs } from './video/ffmpeg.js';
export { openVideo, type VideoOptions } from './video/open-video.js';
export { DEFAULT_MAX_VIDEO_PIXELS, type Video } from './video/video.js';
