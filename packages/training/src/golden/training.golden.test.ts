import { type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { type DeviceTensor, graphOf, input } from '@emu-ts/graph';
import { loadParams, paramInputs } from '@emu-ts/params';
import { executors, expectClose, expectSame, goldens } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { columns, openReference, referenceTraining } from '../../test/reference.js';
import { interleavedObjective } from '../objective/interleaved.js';
import type { OptimizerOptions } from '../optimizer/groups.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';

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

/** The largest element of a gradient over its root mean square, on average over the gradients. */
async function meanSpread(): Promise<number> {
  const spreads = await Promise.all(
    grads.names.map(async (name) => {
      const g = toF64(await grads.read(name));
      const [largest, squares] = g.reduce(
        ([top, sum], x) => [Math.max(top, Math.abs(x)), sum + x * x] as const,
        [0, 0] as readonly [number, number],
      );
      return largest / Math.sqrt(squares / g.length);
    }),
  );
  return spreads.reduce((a, b) => a + b, 0) / spreads.length;
}

describe.each(executors())('training on $name', ({ name: executorName, create }) => {
  const label = (what: string) => `${what} (${executorName})`;

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
    const { graph } = step.traceGradients(batch);
    await using program = await executor.compile(graph);
    const out = await program.run(pick(await weights(), Object.keys(graph.inputs)));
    const reached = [...step.trained.keys()].filter((name) => out[names.gradient(name)]);
    expectSame(label('parameters with a gradient'), reached.toSorted(), grads.names.toSorted());

    for (const [metric, golden] of [
      ['loss_text', 'train.loss_text'],
      ['loss_image', 'train.loss_image_mse'],
    ]) {
      const wanted = await activations.read(golden);
      const actual = { ...(await host(out[names.metric(metric)])), shape: wanted.shape };
      expectClose(label(golden), actual, wanted, expectation);
    }
    for (const name of reached) {
      const wanted = await grads.read(name);
      expectClose(label(`gradient ${name}`), await host(out[names.gradient(name)]), wanted, expectation);
    }
  });

  it('walks the reference trajectory of AdamW', async () => {
    await using executor = await create();
    const { graph, donate } = step.trace(batch);
    await using program = await executor.compile(graph, { donate });
    const initial = await weights();
    let state: Record<string, HostTensor | DeviceTensor> = Object.fromEntries(
      Object.keys(donate).map((name) => [name, initial.get(name) ?? tensor('f32', graph.inputs[name].shape)]),
    );
    const trajectory = await activations.read('train.trajectory');
    const walked: number[][] = [];
    for (let t = 1; t <= trajectory.shape[0]; t++) {
      const scalars = {
        [names.step]: tensor('f32', [], [t]),
        [names.rate('all')]: tensor('f32', [], [adamw.lr]),
      };
      const given = Object.keys(graph.inputs).map(
        (name) => [name, state[name] ?? scalars[name] ?? batch[name] ?? initial.get(name)] as const,
      );
      const out = await program.run(Object.fromEntries(given));
      state = Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, out[to]]));
      const metric = async (name: string) => Number((await host(out[names.metric(name)])).data[0]);
      walked.push([await metric('loss_text'), await metric('loss_image'), await metric('gradient_norm')]);
    }
    for (const t of Object.values(state)) if ('dispose' in t) t.dispose();
    // Adam divides each element of a gradient by its own size, so an error that is small beside the largest element is
    // `spread` times as large in an ordinary one. What wrong updates do to a figure is that share of all its movement.
    const spread = await meanSpread();
    const wanted = columns(trajectory);
    ['loss_text', 'loss_image', 'gradient_norm'].forEach((figure, column) => {
      let movement = 0;
      wanted.forEach((row, t) => {
        if (t) movement += Math.abs(row[column] - wanted[t - 1][column]);
        expectClose(
          label(`train.trajectory step ${t + 1} ${figure}`),
          tensor('f32', [], [walked[t][column]]),
          tensor('f32', [], [row[column]]),
          { ...expectation, magnitude: Math.abs(row[column]) + spread * movement },
        );
      });
    });
    expect(walked).toHaveLength(trajectory.shape[0]);
  });

  it('has the same gradients when activations are recomputed', async () => {
    await using executor = await create();
    const recomputing = trainingStep({
      params: model.params,
      objective: interleavedObjective(model),
      optimizer,
      segments: 4,
    });
    const { graph } = recomputing.traceGradients(batch);
    await using program = await executor.compile(graph);
    const out = await program.run(pick(await weights(), Object.keys(graph.inputs)));
    for (const name of grads.names) {
      const wanted = await grads.read(name);
      expectClose(label(`recomputed ${name}`), await host(out[names.gradient(name)]), wanted, expectation);
    }
  });
});

describe.each(executors())('instruction tuning on $name', ({ name: executorName, create }) => {
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
