/** What a file is by its first bytes. Names and MIME types are not trusted. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif';

/** Containers, by the name of the ffmpeg demuxer that reads them. */
export type VideoFormat = 'mov' | 'matroska' | 'avi' | 'mpegts' | 'mpeg' | 'flv' | 'ogg' | 'asf';

export type Sniffed =
  | { readonly kind: 'image'; readonly format: ImageFormat }
  | { readonly kind: 'video'; readonly format: VideoFormat }
  /** A picture format that is not read here. */
  | { readonly kind: 'picture'; readonly name: string }
  | { readonly kind: 'other'; readonly description: string };

/** How many bytes `sniff` looks at. */
export const SNIFF_BYTES = 512;

const image = (format: ImageFormat): Sniffed => ({ kind: 'image', format });
const video = (format: VideoFormat): Sniffed => ({ kind: 'video', format });
const picture = (name: string): Sniffed => ({ kind: 'picture', name });

/** Latin-1 text of a range: every byte becomes one character, so magic numbers can be compared as strings. */
const latin1 = (bytes: Uint8Array, from = 0, to = SNIFF_BYTES): string =>
  String.fromCharCode(...bytes.subarray(from, to));

const AVIF_BRANDS = /^(avif|avis)$/;
const HEIF_BRANDS = /^(hei[cxms]|hev[cx]|mif1|msf1)$/;

/** ISO base media: a `ftyp` box names its brands, the major one first. */
function sniffFtyp(bytes: Uint8Array): Sniffed {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const brands = latin1(bytes, 8, Math.min(size, SNIFF_BYTES)).match(/.{4}/gs) ?? [];
  if (brands.some((brand) => AVIF_BRANDS.test(brand))) return image('avif');
  if (HEIF_BRANDS.test(brands[0] ?? '')) return picture('HEIC');
  return video('mov');
}

function describeOther(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 64);
  const text = new TextDecoder().decode(head);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
  if (!/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text)) return `text (${JSON.stringify(text.slice(0, 24))})`;
  return `unknown data (${[...head.subarray(0, 8)].map((b) => b.toString(16).padStart(2, '0')).join(' ')})`;
}

export function sniff(bytes: Uint8Array): Sniffed {
  const head = latin1(bytes);
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return image('png');
  if (head.startsWith('\xff\xd8\xff')) return image('jpeg');
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return image('gif');
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return image('webp');
  if (head.slice(4, 8) === 'ftyp' && bytes.length >= 12) return sniffFtyp(bytes);
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'AVI ') return video('avi');
  if (head.startsWith('\x1a\x45\xdf\xa3')) return video('matroska');
  if (/^(moov|mdat|wide|free|skip)$/.test(head.slice(4, 8))) return video('mov');
  if (head.startsWith('\x00\x00\x01\xba')) return video('mpeg');
  if (head.startsWith('FLV\x01')) return video('flv');
  if (head.startsWith('OggS')) return video('ogg');
  if (head.startsWith('\x30\x26\xb2\x75\x8e\x66\xcf\x11')) return video('asf');
  if (head[0] === '\x47' && head[188] === '\x47' && head[376] === '\x47') return video('mpegts');
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return picture('TIFF');
  if (head.startsWith('BM') && bytes.length >= 26) return picture('BMP');
  if (head.startsWith('\xff\x0a') || head.startsWith('\0\0\0\x0cJXL ')) return picture('JPEG XL');
  if (head.startsWith('8BPS')) return picture('Photoshop');
  if (head.startsWith('\0\0\x01\0')) return picture('ICO');
  if (/^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg[\s>]/s.test(head)) return picture('SVG');
  return { kind: 'other', description: describeOther(bytes) };
}
