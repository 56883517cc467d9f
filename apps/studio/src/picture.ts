import type { RgbImage } from '@emu-ts/contracts';

/** Shows a picture of bytes on a canvas. */
export function show(canvas: HTMLCanvasElement, { width, height, data }: RgbImage): void {
  [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    pixels.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
}

export function canvasOf(image: RgbImage): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  show(canvas, image);
  return canvas;
}
