import { tensor } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { bigramModel } from '../../test/bigram-model.js';
import { embedPrompts } from './prompt.js';

const model = bigramModel(Array.from({ length: 4 }, () => [0, 0, 0, 0]));
const [pad, image] = [0, 3];

describe('embedPrompts', () => {
  it('pads short rows on the left', async () => {
    const { embeddings, padding } = await embedPrompts(model, [[1, 2, 1], [2]], { pad });
    expect(padding).toEqual([0, 2]);
    expect(embeddings.shape).toEqual([2, 3, 4]);
    const ids =
      'data' in embeddings &&
      Array.from({ length: 6 }, (_, i) => embeddings.data.indexOf(1 as never, 4 * i) % 4);
    expect(ids).toEqual([1, 2, 1, 0, 0, 2]);
  });

  it('puts image embeddings in their places, in order over all rows', async () => {
    const visual = {
      token: image,
      embeddings: tensor('f32', [3, 4], [10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0]),
    };
    const { embeddings } = await embedPrompts(
      model,
      [
        [1, image, image],
        [image, 2],
      ],
      { pad, visual },
    );
    const firsts = 'data' in embeddings ? Array.from({ length: 6 }, (_, i) => embeddings.data[4 * i]) : [];
    expect(firsts).toEqual([0, 10, 20, 1, 30, 0]);
  });

  it('refuses another number of images than placeholders, with both numbers', async () => {
    const visual = { token: image, embeddings: tensor('f32', [2, 4]) };
    for (const ids of [[image], [image, image, image]])
      await expect(embedPrompts(model, [ids], { pad, visual })).rejects.toMatchObject({
        code: 'IMAGE_COUNT',
        message: expect.stringMatching(new RegExp(`${ids.length} placeholders.* 2 image`)),
      });
  });
});
