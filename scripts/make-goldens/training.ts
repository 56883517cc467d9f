import { convert, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import { input, interpret, type Value } from '@emu-ts/graph';
import {
  type LlamaConfig,
  llama,
  llamaModel,
  llamaParams,
  llamaPrefix,
  logits,
  textLoss,
} from '@emu-ts/language-model';
import { paramInputs } from '@emu-ts/params';
import { linearHead, regressionLoss } from '@emu-ts/regression-head';
import { padRight, parsePrompt } from '@emu-ts/sequence';
import {
  collate,
  composeModel,
  interleavedObjective,
  names,
  type TrainingRow,
  trainingStep,
} from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { interpretGiven } from './encoder.js';
import type { Model } from './model.js';
import type { Tensors, Weights } from './weights.js';

export interface TrainingGoldens {
  readonly activations: Tensors;
  readonly grads: Tensors;
  readonly instruct: Tensors;
}

/** `train.*`, every gradient, and the batch through the model with low-rank updates. */
export function trainingGoldens(model: Model, weights: Weights, pixels: HostTensor): TrainingGoldens {
  const rows = rowsOf(model, pixels);
  const { ids, mask } = padRight(
    rows.map((row) => Array.from(row.ids)),
    padOf(model),
  );
  const pictures = rows.flatMap(({ images }) => images);
  const forward = (config: LlamaConfig, from: Tensors) => forwardPass(model, config, from, rows, ids, mask);
  const { loss_text, loss_image_mse, logits: scores, ...maps } = forward(model.llama, weights.pretrained);
  const instruct = forward(model.live, weights.instruct);
  const { grads, trajectory } = train(model, weights.pretrained, rows);
  const shared = { loss_text, loss_image_mse, logits: scores };
  return {
    activations: new Map<string, HostTensor>([
      ['train.input_ids', convert(ids, 'i64')],
      ['train.attention_mask', convert(mask, 'i64')],
      ['train.pixels', stack(pictures)],
      ...Object.entries({ ...maps, ...shared }).map(([name, t]) => [`train.${name}`, t] as const),
      ['train.trajectory', trajectory],
    ]),
    grads,
    instruct: new Map(Object.keys(shared).map((name) => [name, instruct[name]])),
  };
}

const padOf = ({ tokenizer }: Model): number => tokenizer.special.get('[PAD]') as number;

/** The recipe's documents as rows; each image is the next picture. */
function rowsOf({ recipe, format }: Model, pixels: HostTensor): TrainingRow[] {
  const [count, ...shape] = pixels.shape;
  const size = pixels.data.length / count;
  let next = 0;
  return recipe.training.map((document) => {
    const marked = document.split('{image}');
    const images = marked.slice(1).map(() => {
      const at = (next++ % count) * size;
      return tensor('f32', shape, (pixels.data as Float32Array).slice(at, at + size));
    });
    const placeholder = format.render([{ type: 'image', image: 0 }]);
    const sequence = parsePrompt(marked.join(placeholder), images, { queries: format.queries });
    const { ids, imageSlots } = format.encode(sequence, { eos: true });
    return { ids, imageSlots, images, targets: format.targets(ids) };
  });
}

const stack = (parts: readonly HostTensor[]): HostTensor =>
  tensor(
    'f32',
    [parts.length, ...parts[0].shape],
    parts.flatMap(({ data }) => [...(data as Float32Array)]),
  );

const parts = (model: Model, config: LlamaConfig) =>
  composeModel({
    visualEncoder: evaClip(model.vision),
    causalTransformer: t5CausalTransformer(model.causal),
    languageModel: llamaModel(config),
    regressionHead: linearHead(config, llamaPrefix(config)),
  });

/** Everything on the way to the two losses, by the goldens' names. */
function forwardPass(
  model: Model,
  config: LlamaConfig,
  weights: Tensors,
  rows: readonly TrainingRow[],
  ids: HostTensor<'i32'>,
  mask: HostTensor,
): Record<string, HostTensor> {
  const whole = parts(model, config);
  const given = Object.fromEntries(weights);
  const batch = collate(rows, { queries: model.format.queries, padId: padOf(model) });
  const p = paramInputs(whole.params);
  const { visual, tokens } = interpretGiven(
    {
      visual: whole.embedImages(p, input('images', batch.images)),
      tokens: whole.embedTokens(p, input('ids', ids)),
    },
    { ...given, images: batch.images, ids },
  );
  const embeddings = mix(tokens, visual, batch.slots);

  const [, length] = ids.shape;
  const labels = tensor('i32', ids.shape);
  const at = (list: 'regressionInputs' | 'regressionLabels') =>
    rows.flatMap(({ targets }, r) => Array.from(targets[list], (position) => r * length + position));
  rows.forEach(({ targets }, r) => {
    labels.data.fill(-100, r * length, (r + 1) * length);
    labels.data.set(targets.labels, r * length);
  });

  const tree = llamaParams(config);
  const q = paramInputs(tree, llamaPrefix(config));
  const symbols = {
    embeddings: input('embeddings', embeddings),
    mask: input('mask', convert(mask, 'bool')),
    labels: input('labels', labels),
  };
  const hidden = llama(q, { embeddings: symbols.embeddings, mask: symbols.mask }, config);
  const scores = logits(q, hidden);
  const fed = { ...given, embeddings, mask: convert(mask, 'bool'), labels };
  const read = interpretGiven({ hidden, logits: scores, loss_text: textLoss(scores, symbols.labels) }, fed);

  const head = linearHead(config, llamaPrefix(config));
  const inputs = rowsAt(read.hidden, at('regressionInputs'));
  const targets = rowsAt(embeddings, at('regressionLabels'));
  const predicted: Value = head.forward(paramInputs(head.params), input('inputs', inputs));
  const regressed = interpretGiven(
    { regress_pred: predicted, loss_image_mse: regressionLoss(predicted, input('targets', targets)) },
    { ...given, inputs, targets },
  );
  const scalar = (t: HostTensor): HostTensor => ({ ...t, shape: [1] });
  return {
    logits: read.logits,
    hidden: read.hidden,
    inputs_embeds: embeddings,
    regress_pred: regressed.regress_pred,
    loss_text: scalar(read.loss_text),
    loss_image_mse: scalar(regressed.loss_image_mse),
  };
}

/** Image embeddings in their places among the rows of the table. */
function mix(tokens: HostTensor, visual: HostTensor, slots: HostTensor): HostTensor<'f64'> {
  const width = tokens.shape[2];
  const data = toF64(tokens).slice();
  const seen = toF64(visual);
  toF64(slots).forEach((slot, position) => {
    if (slot >= 0) data.set(seen.subarray(slot * width, (slot + 1) * width), position * width);
  });
  return tensor('f64', tokens.shape, data);
}

function rowsAt(x: HostTensor, positions: readonly number[]): HostTensor<'f64'> {
  const width = x.shape[x.shape.length - 1];
  const data = toF64(x);
  const rows = positions.flatMap((at) => [...data.subarray(at * width, (at + 1) * width)]);
  return tensor('f64', [positions.length, width], rows);
}

/** Gradients at the start, and losses and gradient norm of every update. */
function train(
  model: Model,
  weights: Tensors,
  rows: readonly TrainingRow[],
): { grads: Tensors; trajectory: HostTensor } {
  const whole = parts(model, model.llama);
  const { adamw } = model.recipe.config;
  const step = trainingStep({
    params: whole.params,
    objective: interleavedObjective(whole),
    optimizer: {
      betas: adamw.betas,
      eps: adamw.eps,
      weightDecay: adamw.weight_decay,
      groups: [{ name: 'all', match: ['**'], rate: adamw.lr }],
      clipNorm: adamw.clip_norm,
    },
  });
  const batch = collate(rows, { queries: model.format.queries, padId: padOf(model) });
  const pick = (wanted: readonly string[], from: Readonly<Record<string, HostTensor>>) =>
    Object.fromEntries(
      wanted.map((name) => [name, from[name] ?? batch[name] ?? (weights.get(name) as HostTensor)]),
    );

  const { graph } = step.traceGradients(batch);
  const out = interpret(graph, pick(Object.keys(graph.inputs), {}));
  const gradients = [...step.trained.keys()].filter((name) => out[names.gradient(name)]);
  const grads: Tensors = new Map(gradients.map((name) => [name, out[names.gradient(name)]]));

  const { graph: updating, donate } = step.trace(batch);
  let state: Record<string, HostTensor> = Object.fromEntries(
    Object.keys(donate).map((name) => [
      name,
      weights.get(name) ?? tensor('f64', updating.inputs[name].shape),
    ]),
  );
  const walked: number[] = [];
  for (let t = 1; t <= model.recipe.updates; t++) {
    const scalars = {
      [names.step]: tensor('f64', [], [t]),
      [names.rate('all')]: tensor('f64', [], [adamw.lr]),
    };
    const results = interpret(updating, pick(Object.keys(updating.inputs), { ...state, ...scalars }));
    state = Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, results[to]]));
    walked.push(
      ...['loss_text', 'loss_image', 'gradient_norm'].map((name) => results[names.metric(name)].data[0]),
    );
  }
  return { grads, trajectory: tensor('f64', [model.recipe.updates, 3], walked) };
}
