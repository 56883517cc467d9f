import { type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { type Executor, graphOf, input, interpreter, type Value } from '@emu-ts/graph';
import { paramInputs, placeParams, type TensorSource } from '@emu-ts/params';
import { type Expectation, expectClose, goldens, sharedExecutors, spreadOf } from '@emu-ts/testing';
import { describe, it } from 'vitest';
import { config, id, openInstruct, openPretrained } from '../../test/golden-model.js';
import { type LlamaConfig, llama, llamaParams, llamaPrefix, logits, mergeLora, textLoss } from '../index.js';

const { config: json, activations, instruct } = await goldens();
const [embeddings, mask, ids] = await Promise.all(
  ['train.inputs_embeds', 'train.attention_mask', 'train.input_ids'].map((name) => activations.read(name)),
);
const [rows, length] = ids.shape;

/** The widest sum of a block, and the products that follow each other. */
const expectation: Expectation = {
  terms: Math.max(config.hiddenWidth, config.width, length),
  depth: 2 + 7 * config.layers,
};

/** What the batch asks for: every token but padding and images. */
function labels(): HostTensor<'i32'> {
  const silent = new Set(['[PAD]', '<image>', '[IMG]', '[/IMG]'].map(id));
  return tensor(
    'i32',
    ids.shape,
    Array.from(toF64(ids), (token) => (silent.has(token) ? -100 : token)),
  );
}

/** The training batch through a model: hidden states, logits and the text loss. */
async function run(executor: Executor, source: TensorSource, c: LlamaConfig, prefix = llamaPrefix(c)) {
  const tree = llamaParams(c);
  const p = paramInputs(tree, prefix);
  const feed = {
    embeddings,
    labels: labels(),
    mask: tensor('bool', mask.shape, Uint8Array.from(toF64(mask))),
  };
  const values = Object.fromEntries(Object.entries(feed).map(([name, t]) => [name, input(name, t)]));
  const hidden = llama(p, { embeddings: values.embeddings, mask: values.mask }, c);
  const predictions = logits(p, hidden);
  const outputs: Record<string, Value> = {
    hidden,
    logits: predictions,
    loss_text: textLoss(predictions, values.labels),
  };
  const allowUnused = [/stu_regress_head/, /inv_freq/];
  using placed = await placeParams(executor, tree, source, { prefix, allowUnused });
  await using program = await placed.compile(graphOf(outputs));
  const results = await program.run(feed);
  const host: Record<string, HostTensor> = {};
  for (const [name, result] of Object.entries(results)) {
    using owned = result;
    host[name] = await owned.read();
  }
  return { ...host, loss_text: { ...host.loss_text, shape: [1] } } as Record<string, HostTensor>;
}

/** The training batch through the pretrained model, and through the one with low-rank updates in both ways. */
const kinds = {
  pretrained: {
    open: openPretrained,
    run: (executor: Executor, source: TensorSource) => run(executor, source, config),
  },
  live: {
    open: openInstruct,
    run: (executor: Executor, source: TensorSource) => run(executor, source, live),
  },
  merged: {
    open: openInstruct,
    run: (executor: Executor, source: TensorSource) =>
      run(executor, mergeLora(source, json.lora), config, llamaPrefix(live)),
  },
};
const live: LlamaConfig = { ...config, lora: json.lora };

const spreads = Object.fromEntries(
  await Promise.all(
    Object.entries(kinds).map(async ([kind, { open, run }]) => {
      await using source = await open();
      return [kind, await spreadOf((weights) => run(interpreter(), weights), source)] as const;
    }),
  ),
);

describe.each(sharedExecutors())('LLaMA on $name', ({ name, create }) => {
  const results = async (kind: keyof typeof kinds) => {
    await using executor = await create();
    await using source = await kinds[kind].open();
    return await kinds[kind].run(executor, source);
  };
  const expected = (kind: keyof typeof kinds, golden: string): Expectation => ({
    ...expectation,
    spread: spreads[kind][golden],
  });

  it(`reads a batch of ${rows} rows as the reference does`, async () => {
    for (const [golden, result] of Object.entries(await results('pretrained')))
      expectClose(
        `train.${golden} (${name})`,
        result,
        await activations.read(`train.${golden}`),
        expected('pretrained', golden),
      );
  });

  it.each(['live', 'merged'] as const)('reads it with %s LoRA', async (kind) => {
    const read = await results(kind);
    for (const golden of ['logits', 'loss_text']) {
      const label = `instruct ${golden}, ${kind} LoRA (${name})`;
      expectClose(label, read[golden], await instruct.read(golden), expected(kind, golden));
    }
  });
});
