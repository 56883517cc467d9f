import type { CausalTransformerModel, VisualEncoderModel } from '@emu-ts/contracts';
import { add, concat, less, mul, reshape, slice, type Value, where } from '@emu-ts/graph';
import { crossEntropy, linear, linearParams } from '@emu-ts/nn';
import type { ParamTree } from '@emu-ts/params';
import { mergeTrees, type Objective, part, taggingLoss } from '@emu-ts/training';
import { patchTags, shapeTags, tagsOfEmbedding } from './tags.js';

/** Linear probes that are thrown away after the stage: what they can read, the language model can. */
const probeParams = (visionWidth: number, width: number, pixels: number) => ({
  probe: {
    patch: linearParams(visionWidth, patchTags),
    pixels: linearParams(visionWidth, pixels),
    embeddings: tagsOfEmbedding.map(([from, to]) => linearParams(width, to - from)),
  },
});
type ProbeTree = ReturnType<typeof probeParams>;

/**
 * Learning to see: every patch tells what covers it and which of its pixels, and every image embedding what it stands for,
 * all through linear probes. Batch: `images` f32 [b 3 h w], `patch_tags` f32 [b patches·patchTags], `pixel_tags` f32
 * [b patches·patch²], `picture_tags` f32 [b pictureTags], `patch_shapes` i32 [b patches].
 */
export function seeing<V extends ParamTree, C extends ParamTree>(
  encoder: VisualEncoderModel<V>,
  connector: CausalTransformerModel<C>,
  patchSize: number,
): { readonly params: ParamTree; readonly objective: Objective<ParamTree> } {
  const params = mergeTrees([
    encoder.params,
    connector.params,
    probeParams(encoder.width, connector.outputWidth, patchSize * patchSize),
  ]);
  return {
    params,
    objective: (p, { images, patch_tags, pixel_tags, picture_tags, patch_shapes }) => {
      const { probe } = part<ProbeTree>(p);
      const features = encoder.forward(part<V>(p), images); // [b 1+patches c]
      const read = linear(probe.patch, slice(features, 1, 1, encoder.tokens)); // [b patches tags]
      const embeddings = connector.forward(part<C>(p), features); // [b queries d]
      const known = probe.embeddings.map((one, q) => linear(one, slice(embeddings, 1, q, q + 1))); // [b 1 tags]
      const [b] = images.shape;
      const flat = (x: Value) => reshape(x, [b, -1]);
      const patches = taggingLoss(flat(read), patch_tags);
      const pixels = taggingLoss(
        flat(linear(probe.pixels, slice(features, 1, 1, encoder.tokens))),
        pixel_tags,
      );
      const picture = taggingLoss(concat(known.map(flat), 1), picture_tags);
      const shape = shapeLoss(read, reshape(patch_tags, read.shape), patch_shapes);
      const weighted = [mul(patches.loss, 4), mul(pixels.loss, 2), mul(picture.loss, 8), shape];
      return {
        loss: weighted.reduce((total, loss) => add(total, loss)),
        metrics: {
          loss_patches: patches.loss,
          patch_accuracy: patches.metrics?.tag_accuracy as Value,
          loss_pixels: pixels.loss,
          loss_picture: picture.loss,
          picture_accuracy: picture.metrics?.tag_accuracy as Value,
          loss_shape: shape,
        },
      };
    },
  };
}

/**
 * Shapes are the slowest to be learnt and a small part of all tags: they are asked for once more, as a choice of one
 * among those that the tags know of.
 * @param logits [b n tags]; @param tags [b n tags]; @param shapes i32 [b n], negative where there is none
 */
function shapeLoss(logits: Value, tags: Value, shapes: Value): Value {
  const shapesOf = (x: Value) => reshape(slice(x, 2, ...shapeTags), [-1, shapeTags[1] - shapeTags[0]]);
  const chosen = where(less(shapesOf(tags), 0), -30, shapesOf(logits));
  const labels = reshape(shapes, [-1]);
  return crossEntropy(chosen, labels, less(-1, labels));
}
