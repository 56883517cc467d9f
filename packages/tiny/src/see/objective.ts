import type { CausalTransformerModel, VisualEncoderModel } from '@emu-ts/contracts';
import { add, argmax, concat, less, mul, reshape, slice, sum, type Value, where } from '@emu-ts/graph';
import { crossEntropy, linear, linearParams } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import { mergeTrees, type Objective, part, taggingLoss } from '@emu-ts/training';
import { choices, objectTags, patchTags, shapeTags, slots, tagsOfEmbedding } from './tags.js';

/** Linear probes that are thrown away after the stage: what they can read, the language model can. */
const embeddingProbes = (width: number) =>
  tagsOfEmbedding.map(([from, to]) => linearParams(width, to - from));
const probeParams = (visionWidth: number, width: number, pixels: number) => ({
  probe: {
    patch: linearParams(visionWidth, patchTags + slots + pixels),
    embeddings: embeddingProbes(width),
  },
});
type ProbeTree = ReturnType<typeof probeParams>;
type Known = { readonly params: ParamTree; readonly objective: Objective<ParamTree> };

/**
 * Learning to see, all through linear probes: every patch tells what covers it, which of its pixels, and which embedding its
 * object belongs to, so that each embedding finds its own; and every image embedding tells what it stands for, colour, shape
 * and size once more as choices of one. Batch: `images` f32 [b 3 h w], `patch_tags` f32 [b patches patchTags],
 * `patch_slots` f32 [b patches slots], `pixel_tags` f32 [b patches patch²], `picture_tags` f32 [b pictureTags].
 */
export function seeing<V extends ParamTree, C extends ParamTree>(
  encoder: VisualEncoderModel<V>,
  connector: CausalTransformerModel<C>,
  patchSize: number,
): Known {
  const area = patchSize * patchSize;
  const params = mergeTrees([
    encoder.params,
    connector.params,
    probeParams(encoder.width, connector.outputWidth, area),
  ]);
  return {
    params,
    objective: (p, { images, picture_tags, patch_tags, patch_slots, pixel_tags }) => {
      const { probe } = part<ProbeTree>(p);
      const features = encoder.forward(part<V>(p), images); // [b 1+patches c]
      const read = linear(probe.patch, slice(features, 1, 1, encoder.tokens)); // [b patches tags+slots+pixels]
      const cut = (from: number, width: number) => slice(read, 2, from, from + width);
      const tags = cut(0, patchTags);
      const embeddings = connector.forward(part<C>(p), features); // [b queries d]
      const picture = gathered(told(probe.embeddings, embeddings), picture_tags);
      const patches = taggingLoss(tags, patch_tags);
      const shape = choiceLoss(tags, patch_tags, shapeTags);
      const slot = choiceLoss(cut(patchTags, slots), patch_slots, [0, slots]);
      const pixels = taggingLoss(cut(patchTags + slots, area), pixel_tags);
      return {
        loss: sumOf(picture.loss, mul(patches.loss, 2), shape, slot, pixels.loss),
        metrics: {
          ...picture.metrics,
          loss_patches: patches.loss,
          loss_shape: shape,
          loss_slot: slot,
          loss_pixels: pixels.loss,
        },
      };
    },
  };
}

/** How well probes read what pictures show. @param read f32 [b pictureTags]; @param tags f32 [b pictureTags] */
function gathered(read: Value, tags: Value) {
  const picture = taggingLoss(read, tags);
  const [b] = read.shape;
  const objectsOf = (x: Value) => reshape(slice(x, 1, 0, slots * objectTags), [b, slots, objectTags]);
  const chosen = choices.map((range) => choiceLoss(objectsOf(read), objectsOf(tags), range));
  return {
    loss: sumOf(mul(picture.loss, 8), ...chosen),
    metrics: {
      loss_picture: picture.loss,
      picture_accuracy: picture.metrics?.tag_accuracy as Value,
      loss_choices: sumOf(...chosen),
    },
  };
}

const sumOf = (...losses: Value[]): Value => losses.reduce((total, loss) => add(total, loss));
const flat = (x: Value): Value => reshape(x, [x.shape[0], -1]);

/** What the probes read from embeddings [b queries d], one after the other: [b pictureTags]. */
const told = (probes: Params<ProbeTree>['probe']['embeddings'], embeddings: Value): Value =>
  concat(
    probes.map((probe, q) => flat(linear(probe, slice(embeddings, 1, q, q + 1)))),
    1,
  );

/**
 * Some tags, such as shapes, exclude each other and are slow to be learnt: they are asked for once more, as a choice of
 * one among those that the tags know of, wherever there is one.
 * @param logits [b n tags]; @param tags [b n tags]; @param range where the choices stand among the tags
 */
function choiceLoss(logits: Value, tags: Value, range: readonly [from: number, to: number]): Value {
  const rows = (x: Value) => reshape(slice(x, 2, ...range), [-1, range[1] - range[0]]);
  const known = rows(tags);
  const asked = less(0.5, sum(where(less(0, known), known, 0), 1));
  return crossEntropy(where(less(known, 0), -30, rows(logits)), argmax(known, -1), asked);
}
