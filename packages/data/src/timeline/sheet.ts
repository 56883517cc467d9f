import { type RgbImage, rgbImage } from '@emu-ts/media';
import { RowError } from '../stream/bad-rows.js';

/** How a storyboard page is divided. */
export interface Sheet {
  readonly columns: number;
  readonly rows: number;
  /** Frames on it; the rest of the last page is empty. */
  readonly frames: number;
}

/**
 * The frames of a page, row by row. Where the page does not divide evenly, cuts are rounded to the nearest pixel and
 * every frame gets the whole pixels of the smallest.
 * @throws RowError when the page has fewer pixels than frames.
 */
export function cutSheet(page: RgbImage, { columns, rows, frames }: Sheet): RgbImage[] {
  const [width, height] = [Math.floor(page.width / columns), Math.floor(page.height / rows)];
  if (width < 1 || height < 1) {
    throw new RowError(
      `A page of ${page.width} × ${page.height} pixels cannot hold ${columns} × ${rows} frames.`,
    );
  }
  return Array.from({ length: Math.min(frames, columns * rows) }, (_, i) => {
    const left = Math.round(((i % columns) * page.width) / columns);
    const top = Math.round((Math.floor(i / columns) * page.height) / rows);
    const frame = rgbImage(width, height);
    for (let y = 0; y < height; y++) {
      const from = ((top + y) * page.width + left) * 3;
      frame.data.set(page.data.subarray(from, from + width * 3), y * width * 3);
    }
    return frame;
  });
}
