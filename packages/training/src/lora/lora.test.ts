import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { emuInstruct, openCheckpoint, renamed } from '@emu-ts/checkpoint';
import { interpret, interpreter } from '@emu-ts/graph';
import { type LlamaConfig, llamaModel, mergeLora, unmergeLora } from '@emu-ts/language-model';
import { initialize, tensorSource } from '@emu-ts/params';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { freshDirs } from '../../test/runs.js';
import { collate, type TrainingRow } from '../data/collate.js';
import { indexedData } from '../data/indexed.js';
import { type DropoutAttrs, drawDropout, dropoutOp } from '../dropout/op.js';
import { train } from '../loop/train.js';
import { interleavedObjective } from '../objective/interleaved.js';
import type { InterleavedModel } from '../objective/model.js';
import { readRows } from '../objective/read.js';
import { emuInstructionTuning } from '../optimizer/presets.js';
import { trainingStep } from '../step/step.js';
import { saveAdapter } from './adapter.js';
import { loraStart } from './start.js';

const freshDir = freshDirs();
const lora = { r: 2, alpha: 4 };
const plain: LlamaConfig = {
  vocabSize: 10,
  width: 12,
  layers: 2,
  heads: 2,
  hiddenWidth: 16,
  eps: 1e-6,
  contextLength: 16,
  ropeBase: 10_000,
  ropeTable: 'f32',
  initStd: 0.3,
};
const base = llamaModel(plain);
const tuned = llamaModel({ ...plain, vocabSize: 12, lora });
const pretrained = tensorSource(initialize(base.params, { seed: 1 }));
const start = loraStart(pretrained, tuned.params, { seed: 2, newRowsFrom: [4, 7] });

/** Says 10, then answers after 11; only the answer is asked for. */
const row: TrainingRow = {
  ids: [1, 10, 3, 5, 11, 8, 6, 2],
  imageSlots: [],
  images: [],
  targets: {
    labels: Int32Array.of(-100, -100, -100, -100, -100, 8, 6, 2),
    regressionInputs: new Int32Array(),
    regressionLabels: new Int32Array(),
  },
};
const batch = collate([row], { queries: 1, padId: 0 });
/** A language model alone, for rows without images. */
function objectiveModel(model: typeof tuned): Omit<InterleavedModel, 'params'> {
  return {
    queries: 1,
    embedImages: (_, pixels) => pixels,
    embedTokens: (p, ids) => model.embed(p, ids),
    read: (p, x, options) => readRows(model, p, x, options),
    logits: (p, h) => model.logits(p, h),
    regress: (_, h) => h,
  };
}
const step = trainingStep({
  params: tuned.params,
  objective: interleavedObjective(objectiveModel(tuned)),
  optimizer: { ...emuInstructionTuning(10), groups: [{ name: 'lora', match: ['**'], rate: 3e-2 }] },
});
const head = 'decoder.lm.base_model.model.';

describe('loraStart', () => {
  it('is the pretrained model under peft names, with matrices that change nothing', async () => {
    const q = await start.read(`${head}model.layers.1.self_attn.q_proj.weight`);
    expect(q).toBe(await pretrained.read('decoder.lm.model.layers.1.self_attn.q_proj.weight'));
    const b = await start.read(`${head}model.layers.1.self_attn.q_proj.lora_B.default.weight`);
    expect([...toF64(b)].every((x) => x === 0)).toBe(true);
  });

  it('starts new rows from the tokens given, or from the mean', async () => {
    const old = toF64(await pretrained.read('decoder.lm.lm_head.weight'));
    const grown = toF64(await start.read(`${head}lm_head.weight`));
    expect(grown.subarray(0, old.length)).toEqual(old);
    expect(grown.subarray(old.length)).toEqual(
      Float64Array.of(...old.subarray(4 * 12, 5 * 12), ...old.subarray(7 * 12, 8 * 12)),
    );
    const mean = toF64(await loraStart(pretrained, tuned.params, { seed: 2 }).read(`${head}lm_head.weight`));
    const column = Array.from({ length: 10 }, (_, r) => old[r * 12]).reduce((a, b) => a + b) / 10;
    expectClose('mean row', tensor('f32', [1], [mean[10 * 12]]), tensor('f32', [1], [column]), { terms: 10 });
  });

  it('says what does not fit', () => {
    expect(() => loraStart(tensorSource(new Map()), tuned.params, { seed: 1 })).toThrow(
      /lack \d+ tensors, such as 'decoder\.lm\.model/,
    );
    const three = loraStart(pretrained, tuned.params, { seed: 1, newRowsFrom: [1, 2, 3] });
    return expect(three.read(`${head}lm_head.weight`)).rejects.toMatchObject({ code: 'LORA' });
  });
});

describe('LoRA dropout', () => {
  const sample = drawDropout({ seed: 3, index: 0 });
  const other = drawDropout({ seed: 3, index: 1 });
  /** Matrices that change something, so that it shows what they read. */
  const weights = initialize(tuned.params, { seed: 8 });
  for (const [name, { shape }] of weights)
    if (name.includes('.lora_B.')) weights.set(name, tensor('f32', shape, random(4).normal(sizeOf(shape))));

  const lossAt = (rate: number | undefined, dropout?: HostTensor): number => {
    const model = llamaModel({ ...plain, vocabSize: 12, lora: { ...lora, dropout: rate } });
    const graph = trainingStep({
      params: model.params,
      objective: interleavedObjective(objectiveModel(model)),
      optimizer: { ...emuInstructionTuning(10), rows: {} },
    }).traceLosses({ ...batch, ...(dropout ? { dropout } : {}) });
    const inputs = { ...Object.fromEntries(weights), ...batch, ...(dropout ? { dropout } : {}) };
    const given = Object.keys(graph.inputs).map((name) => [name, inputs[name as keyof typeof inputs]]);
    return toF64(interpret(graph, Object.fromEntries(given))['metric.loss'])[0];
  };

  it('leaves out something else in every batch, and nothing without a rate or a seed', () => {
    const whole = lossAt(undefined);
    expect(lossAt(0.5)).toBe(whole);
    expect(lossAt(undefined, sample)).toBe(whole);
    expect(lossAt(0.5, sample)).not.toBe(whole);
    expect(lossAt(0.5, sample)).toBe(lossAt(0.5, sample));
    expect(lossAt(0.5, sample)).not.toBe(lossAt(0.5, other));
  });

  it('gives every projection inputs of its own', () => {
    const model = llamaModel({ ...plain, vocabSize: 12, lora: { ...lora, dropout: 0.5 } });
    const graph = trainingStep({
      params: model.params,
      objective: interleavedObjective(objectiveModel(model)),
      optimizer: { ...emuInstructionTuning(10), rows: {} },
    }).traceLosses({ ...batch, dropout: sample });
    const sites = graph.nodes.flatMap(({ op, attrs }) =>
      op === dropoutOp ? [(attrs as DropoutAttrs).site] : [],
    );
    expect(sites.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('LoRA training', () => {
  it('changes the matrices and the new rows alone, learns the answer, and saves the released names', async () => {
    const dir = freshDir();
    const losses: number[] = [];
    const result = await train({
      executor: interpreter(),
      step,
      weights: start,
      data: indexedData({ batch: () => batch }),
      updates: 40,
      dir,
      onUpdate: ({ record }) => losses.push(record.loss),
    });
    await result.dispose();
    expect(losses[39]).toBeLessThan(0.5 * losses[0]);

    await using saved = await openCheckpoint(
      path.join(dir, 'checkpoints', 'step-00000040', 'model.safetensors'),
    );
    for (const name of start.entries.keys()) {
      const [before, after] = [toF64(await start.read(name)), toF64(await saved.read(name))];
      const firstChange = after.findIndex((x, i) => x !== before[i]);
      if (/lora_[AB]/.test(name)) expect(firstChange).toBe(0);
      else if (/embed_tokens|lm_head/.test(name)) expect(firstChange).toBeGreaterThanOrEqual(10 * 12);
      else expect(firstChange).toBe(-1);
    }

    const merged = mergeLora(saved, lora);
    const name = `${head}model.layers.0.self_attn.v_proj.weight`;
    expect(toF64(await merged.read(name))).not.toEqual(toF64(await saved.read(name)));
    const back = await unmergeLora(merged, saved, lora).read(name);
    expectClose('merged and unmerged', back, await saved.read(name), { terms: 2, magnitude: 2 });

    const adapterDir = path.join(dir, 'adapter');
    mkdirSync(path.dirname(adapterDir), { recursive: true });
    await saveAdapter(adapterDir, saved, lora);
    const config = JSON.parse(readFileSync(path.join(adapterDir, 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({
      r: 2,
      lora_alpha: 4,
      target_modules: ['k_proj', 'o_proj', 'q_proj', 'v_proj'],
    });
    await using adapter = await openCheckpoint(path.join(adapterDir, 'adapter_model.safetensors'));
    expect([...adapter.entries.keys()]).toContain(
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
    );
    await using again = renamed(adapter, emuInstruct);
    expect(again.entries.size).toBe(16);
    for (const lowRank of again.entries.keys()) {
      expect(toF64(await again.read(lowRank))).toEqual(toF64(await saved.read(lowRank)));
    }
  });
});
