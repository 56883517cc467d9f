import { type HostTensor, random, tensor } from '@emu-ts/base';
import type { DecodedImage, DecodeImageOptions, ImageDecoder } from '../image-decoder.js';
import { type ConformanceCheck, expectRejection, expectThat } from './check.js';

export interface ImageDecoderSubject {
  /** Rows of the condition of one picture. */
  readonly rows: number;
  /** Pixels; the smallest the decoder can take keeps the checks fast. */
  readonly height: number;
  readonly width: number;
}

/**
 * Bytes of a picture that may change with the size of its batch: rounding moves a value over the edge between two levels
 * here and there.
 */
const strayShare = 0.02;

/**
 * What another image decoder must keep.
 * @param create makes a new one, with weights, at every call
 */
export function imageDecoderChecks(
  create: () => Promise<ImageDecoder>,
  { rows, height, width }: ImageDecoderSubject,
): ConformanceCheck[] {
  const check = (name: string, body: (decoder: ImageDecoder) => Promise<void>) => ({
    name,
    async run() {
      const decoder = await create();
      try {
        await body(decoder);
      } finally {
        await decoder.dispose();
      }
    },
  });
  const condition = ({ condition: { width: d } }: ImageDecoder, count: number, seed = 1): HostTensor =>
    tensor('f32', [count, rows, d], random(seed).normal(count * rows * d));
  const plain = { height, width, steps: 2, guidanceScale: 1 };
  const draw = async (decoder: ImageDecoder, options: DecodeImageOptions = {}, seed?: number) =>
    (await decoder.decode(condition(decoder, 1, seed), { ...plain, ...options }))[0];

  return [
    check('gives as many pictures as conditions, of the wanted size', async (decoder) => {
      for (const count of [1, 2]) {
        const images = await decoder.decode(condition(decoder, count), plain);
        expectThat(images.length === count, () => `${count} conditions gave ${images.length} pictures.`);
        for (const image of images) expectSize(image, height, width);
      }
    }),
    check('takes the negatives from the second half of the batch', async (decoder) => {
      const guided = { ...plain, guidanceScale: 3 };
      const [image, ...others] = await decoder.decode(condition(decoder, 2), guided);
      expectThat(others.length === 0, () => 'A prompt and its negative gave more than one picture.');
      expectSize(image, height, width);
      await expectRejection('Three rows with guidance', 'SHAPE', () =>
        decoder.decode(condition(decoder, 3), guided),
      );
    }),
    check('draws the same picture for the same seed, and another for another', async (decoder) => {
      const [a, b, c] = [
        await draw(decoder, { seed: 5 }),
        await draw(decoder, { seed: 5 }),
        await draw(decoder, { seed: 6 }),
      ];
      expectThat(strays(a, b) === 0, () => 'Equal seeds gave different pictures.');
      expectThat(strays(a, c) > 0, () => 'Different seeds gave the same picture.');
    }),
    check('draws another picture for another condition', async (decoder) => {
      const [a, b] = [await draw(decoder, {}, 1), await draw(decoder, {}, 2)];
      expectThat(strays(a, b) > 0, () => 'Different conditions gave the same picture.');
    }),
    check('draws each picture of a batch as if alone', async (decoder) => {
      const both = condition(decoder, 2);
      const [first] = await decoder.decode(both, plain);
      const length = both.data.length / 2;
      const alone = tensor('f32', [1, ...both.shape.slice(1)], (both.data as Float32Array).slice(0, length));
      const [image] = await decoder.decode(alone, plain);
      expectThat(
        strays(first, image) <= strayShare * image.data.length,
        () => 'The batch changed the picture.',
      );
    }),
    check('says how far it is', async (decoder) => {
      const seen: number[] = [];
      let calls = 0;
      await draw(decoder, {
        onProgress: ({ phase, loaded, total }) => {
          if (phase !== 'denoise') return;
          seen.push(loaded);
          calls = total;
        },
      });
      expectThat(calls > 0 && seen.length === calls, () => `${calls} model calls, ${seen.length} events.`);
      expectThat(
        seen.every((loaded, i) => loaded === i + 1),
        () => `Progress went ${seen.join(', ')}.`,
      );
    }),
    check('shows previews when asked', async (decoder) => {
      const steps: number[] = [];
      await draw(decoder, {
        steps: 3,
        previewEvery: 1,
        onPreview: ({ step, images }) => {
          steps.push(step);
          expectThat(images.length === 1, () => `One picture has ${images.length} previews.`);
          for (const image of images) expectSize(image, image.height, image.width);
        },
      });
      expectThat(steps.length > 0, () => 'No preview came.');
    }),
    check('refuses what it cannot do, before it begins', async (decoder) => {
      const refused = (what: string, code: string, options: DecodeImageOptions) =>
        expectRejection(what, code, () => draw(decoder, options));
      await refused('0 steps', 'STEPS', { steps: 0 });
      await refused('an unknown scheduler', 'SCHEDULER', { scheduler: 'no such scheduler' });
      await refused('guidance NaN', 'GUIDANCE', { guidanceScale: Number.NaN });
      await refused('a width of 0', 'IMAGE_SIZE', { width: 0 });
      await refused('no candidate', 'CANDIDATES', { candidates: 0 });
      await refused('half a seed', 'SEED', { seed: 0.5 });
      await refused('other latents', 'SHAPE', { latents: tensor('f32', [1, 1]) });
      const { width: d } = decoder.condition;
      await expectRejection('a wider condition', 'SHAPE', () =>
        decoder.decode(tensor('f32', [1, rows, d + 1]), plain),
      );
    }),
    check('stops when aborted, and goes on working', async (decoder) => {
      await expectRejection('An aborted call', 'AbortError', () =>
        draw(decoder, { signal: AbortSignal.abort() }),
      );
      const controller = new AbortController();
      await expectRejection('A call aborted on its way', 'AbortError', () =>
        draw(decoder, { steps: 3, signal: controller.signal, onProgress: () => controller.abort() }),
      );
      expectSize(await draw(decoder), height, width);
    }),
    check('refuses work after it was disposed', async (decoder) => {
      await decoder.dispose();
      await expectRejection('A call after dispose', 'DISPOSED', () => draw(decoder));
    }),
  ];
}

function expectSize(
  image: { width: number; height: number; data: Uint8Array },
  height: number,
  width: number,
) {
  const { data } = image;
  expectThat(
    image.height === height && image.width === width && data.length === 3 * height * width,
    () => `A picture of ${width} × ${height} came as ${image.width} × ${image.height}, ${data.length} bytes.`,
  );
}

/** Bytes that differ. */
const strays = (a: DecodedImage, b: DecodedImage): number =>
  a.data.reduce((count, byte, i) => count + (byte === b.data[i] ? 0 : 1), 0);
