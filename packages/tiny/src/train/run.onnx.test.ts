import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '@emu-ts/checkpoint';
import { onnx } from '@emu-ts/onnx';
import { readMetrics } from '@emu-ts/training';
import { expect, it } from 'vitest';
import { exportModel } from '../files/export.js';
import { learnTokenizer } from '../words/tokenizer.js';
import { stages, trainTiny } from './run.js';
import { folderOf } from './stage.js';

it('trains every stage from nothing, goes on where it was and writes a model', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'emu-tiny-'));
  try {
    await using executor = await onnx();
    const workshop = { dir, executor, tokenizerModel: learnTokenizer(1), seed: 1 };
    await trainTiny({ ...workshop, updates: 1 });
    const seen: string[] = [];
    const only = ['see', 'read', 'instruct', 'autoencode', 'finish'] as const;
    await trainTiny({ ...workshop, only, updates: 2, onUpdate: ({ name }) => seen.push(name) });
    expect(seen).toEqual(only);
    for (const { name } of stages) {
      const records = await readMetrics(path.join(folderOf(workshop, name), 'metrics.jsonl'));
      expect(records.map(({ step }) => step)).toEqual(seen.includes(name) ? [1, 2] : [1]);
      expect(records.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    }
    const out = path.join(dir, 'weights');
    await exportModel(workshop, out);
    expect((await readdir(out)).sort()).toEqual(
      ['config.json', 'instruct', 'multimodal_encoder', 'scheduler', 'tokenizer.model', 'unet', 'vae'].sort(),
    );
    const adapter = await openCheckpoint(path.join(out, 'instruct', 'adapter_model.safetensors'));
    expect([...adapter.entries.keys()]).toContain('base_model.model.model.embed_tokens.weight');
    await adapter.close();
  } finally {
    await rm(dir, { recursive: true });
  }
}, 1_200_000);
