import { type HostTensor, tensor } from '@emu-ts/base';
import { type DeviceTensor, type Executor, graphOf, input, interpreter } from '@emu-ts/graph';
import { loadParams, paramInputs, type TensorSource } from '@emu-ts/params';
import { expectClose, expectSame, goldens, sharedExecutors, spreadOf } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { columns, openReference, referenceTraining } from '../../test/reference.js';
import { interleavedObjective } from '../objective/interleaved.js';
import type { OptimizerOptions } from '../optimizer/groups.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';
import type { StepGraph } from '../step/types.js';

const reference = await goldens();
const { config, activations, grads } = reference;
const { model, batch, expectation } = await referenceTraining(reference);
const { adamw } = config;
const optimizer: OptimizerOptions = {
  betas: adamw.betas,
  eps: adamw.eps,
  weightDecay: adamw.weight_decay,
  groups: [{ name: 'all', match: ['**'], rate: adamw.lr }],
  clipNorm: adamw.clip_norm,
};
const step = trainingStep({
  params: model.params,
  objective: interleavedObjective(model, { imagesLogged: 1 }),
  optimizer,
});

const weights = async (): Promise<Map<string, HostTensor>> => {
  await using file = await openReference(reference, false);
  return await loadParams(model.params, file);
};
const pick = (tensors: ReadonlyMap<string, HostTensor>, wanted: readonly string[]) =>
  Object.fromEntries(
    wanted.flatMap((name) => {
      const found = tensors.get(name) ?? batch[name];
      return found ? [[name, found] as const] : [];
    }),
  );

const host = async (t: DeviceTensor): Promise<HostTensor> => {
  using owned = t;
  return owned.read();
};
const hosts = async (out: Readonly<Record<string, DeviceTensor>>): Promise<Record<string, HostTensor>> =>
  Object.fromEntries(await Promise.all(Object.entries(out).map(async ([name, t]) => [name, await host(t)])));

/** Losses and gradients of one pass. */
async function differentiate(
  executor: Executor,
  { graph }: StepGraph,
  tensors: ReadonlyMap<string, HostTensor>,
): Promise<Record<string, HostTensor>> {
  await using program = await executor.compile(graph);
  return hosts(await program.run(pick(tensors, Object.keys(graph.inputs))));
}

const figures = ['loss_text', 'loss_image', 'gradient_norm'] as const;

/** The figures of every update, by `step figure`. */
async function walk(
  executor: Executor,
  initial: ReadonlyMap<string, HostTensor>,
  updates: number,
): Promise<Record<string, HostTensor>> {
  const { graph, donate } = step.trace(batch);
  await using program = await executor.compile(graph, { donate });
  let state: Record<string, HostTensor | DeviceTensor> = Object.fromEntries(
    Object.keys(donate).map((name) => [name, initial.get(name) ?? tensor('f32', graph.inputs[name].shape)]),
  );
  const walked: Record<string, HostTensor> = {};
  for (let t = 1; t <= updates; t++) {
    const scalars = {
      [names.step]: tensor('f32', [], [t]),
      [names.rate('all')]: tensor('f32', [], [adamw.lr]),
    };
    const given = Object.keys(graph.inputs).map(
      (name) => [name, state[name] ?? scalars[name] ?? batch[name] ?? initial.get(name)] as const,
    );
    const out = await program.run(Object.fromEntries(given));
    state = Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, out[to]]));
    for (const figure of figures) walked[`step ${t} ${figure}`] = await host(out[names.metric(figure)]);
  }
  for (const t of Object.values(state)) if ('dispose' in t) t.dispose();
  return walked;
}

const trajectory = columns(await activations.read('train.trajectory'));
const spreads = await (async () => {
  await using file = await openReference(reference, false);
  const load = (source: TensorSource) => loadParams(model.params, source);
  const gradients = step.traceGradients(batch);
  return {
    gradients: await spreadOf(
      async (source) => differentiate(interpreter(), gradients, await load(source)),
      file,
    ),
    trajectory: await spreadOf(
      async (source) => walk(interpreter(), await load(source), trajectory.length),
      file,
    ),
  };
})();

const executors = sharedExecutors();

describe.each(executors)('training on $name', ({ name: executorName, create }) => {
  const label = (what: string) => `${what} (${executorName})`;
  const expected = (output: string) => ({ ...expectation, spread: spreads.gradients[output] });

  it('mixes text and image embeddings as the reference', async () => {
    await using executor = await create();
    const p = paramInputs(model.params);
    const visual = model.embedImages(p, input('images', batch.images));
    const tokens = model.embedTokens(p, input('ids', batch.ids));
    const graph = graphOf({ visual, tokens });
    await using program = await executor.compile(graph);
    const out = await program.run(pick(await weights(), Object.keys(graph.inputs)));
    const [visualRows, tokenRows] = [await host(out.visual), await host(out.tokens)];
    const wanted = await activations.read('train.inputs_embeds');
    const mixed = new Float32Array(tokenRows.data as Float32Array);
    const width = wanted.shape[2];
    (batch.slots.data as Int32Array).forEach((slot, position) => {
      if (slot >= 0)
        mixed.set(
          (visualRows.data as Float32Array).subarray(slot * width, (slot + 1) * width),
          position * width,
        );
    });
    expectClose(label('train.inputs_embeds'), tensor('f32', wanted.shape, mixed), wanted, expectation);
  });

  it('has the losses and every gradient of the reference', async () => {
    await using executor = await create();
    const out = await differentiate(executor, step.traceGradients(batch), await weights());
    const reached = [...step.trained.keys()].filter((name) => out[names.gradient(name)]);
    expectSame(label('parameters with a gradient'), reached.toSorted(), grads.names.toSorted());

    for (const [metric, golden] of [
      ['loss_text', 'train.loss_text'],
      ['loss_image', 'train.loss_image_mse'],
    ]) {
      const wanted = await activations.read(golden);
      const actual = { ...out[names.metric(metric)], shape: wanted.shape };
      expectClose(label(golden), actual, wanted, expected(names.metric(metric)));
    }
    for (const name of reached) {
      const gradient = names.gradient(name);
      expectClose(label(`gradient ${name}`), out[gradient], await grads.read(name), expected(gradient));
    }
  });

  it('walks the reference trajectory of AdamW', async () => {
    await using executor = await create();
    const walked = await walk(executor, await weights(), trajectory.length);
    trajectory.forEach((row, t) => {
      figures.forEach((figure, column) => {
        const name = `step ${t + 1} ${figure}`;
        expectClose(label(`train.trajectory ${name}`), walked[name], tensor('f32', [], [row[column]]), {
          ...expectation,
          spread: spreads.trajectory[name],
        });
      });
    });
  });

  it('has the same gradients when activations are recomputed', async () => {
    await using executor = await create();
    const recomputing = trainingStep({
      params: model.params,
      objective: interleavedObjective(model),
      optimizer,
      segments: 4,
    });
    const out = await differentiate(executor, recomputing.traceGradients(batch), await weights());
    for (const name of grads.names) {
      const gradient = names.gradient(name);
      expectClose(label(`recomputed ${name}`), out[gradient], await grads.read(name), expected(gradient));
    }
  });
});

describe.each(executors)('instruction tuning on $name', ({ name: executorName, create }) => {
  it('has the losses of the LoRA model, and gradients for its matrices alone', async () => {
    const instruct = await referenceTraining(reference, config.lora);
    const lora = trainingStep({
      params: instruct.model.params,
      objective: interleavedObjective(instruct.model),
      optimizer: { ...optimizer, trainable: ['**.lora_A.**', '**.lora_B.**'] },
    });
    await using file = await openReference(reference, true);
    const tensors = await loadParams(instruct.model.params, file);
    await using executor = await create();
    const { graph } = lora.traceGradients(instruct.batch);
    await using program = await executor.compile(graph);
    const given = Object.keys(graph.inputs).map(
      (name) => [name, tensors.get(name) ?? instruct.batch[name]] as const,
    );
    const out = await program.run(Object.fromEntries(given));
    for (const [metric, golden] of [
      ['loss_text', 'loss_text'],
      ['loss_image', 'loss_image_mse'],
    ]) {
      const wanted = await reference.instruct.read(golden);
      const actual = { ...(await host(out[names.metric(metric)])), shape: wanted.shape };
      expectClose(`instruct ${golden} (${executorName})`, actual, wanted, instruct.expectation);
    }
    const trained = Object.keys(out).filter((name) => name.startsWith(names.gradient('')));
    expect(trained.length).toBe(lora.trained.size);
    expect(trained.every((name) => /\.lora_[AB]\.default\.weight$/.test(name))).toBe(true);
    for (const name of trained) out[name].dispose();
  });
});
