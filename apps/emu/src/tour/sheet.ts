import type { RgbImage } from '@emu-ts/contracts';
import { resize, rgbImage } from '@emu-ts/media';

/** One line of a contact sheet: what went in and what came out. */
export interface SheetRow {
  readonly given: readonly RgbImage[];
  readonly made: readonly RgbImage[];
}

const [side, gap, gutter] = [96, 8, 32];
const paper = 236;
const ink = 60;

/** Pictures in rows on one page, what was made to the right of a line. */
export function contactSheet(rows: readonly SheetRow[]): RgbImage {
  const given = Math.max(0, ...rows.map((row) => row.given.length));
  const made = Math.max(0, ...rows.map((row) => row.made.length));
  const width = gap + given * (side + gap) + gutter + made * (side + gap);
  const height = gap + rows.length * (side + gap);
  const page = rgbImage(width, height, new Uint8Array(3 * width * height).fill(paper));
  const line = gap + given * (side + gap) + gutter / 2 - gap / 2;
  for (let y = 0; y < height; y++) page.data.fill(ink, 3 * (y * width + line), 3 * (y * width + line + 1));
  for (const [r, row] of rows.entries()) {
    const y = gap + r * (side + gap);
    for (const [i, image] of row.given.entries()) paste(page, image, gap + i * (side + gap), y);
    for (const [i, image] of row.made.entries())
      paste(page, image, gap + given * (side + gap) + gutter + i * (side + gap), y);
  }
  return page;
}

function paste(page: RgbImage, image: RgbImage, left: number, top: number): void {
  const scaled = resize(image, { width: side, height: side, filter: 'bilinear' });
  for (let y = 0; y < side; y++) {
    const row = scaled.data.subarray(3 * y * side, 3 * (y + 1) * side);
    page.data.set(row, 3 * ((top + y) * page.width + left));
  }
}
