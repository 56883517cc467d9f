import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnx } from '@emu-ts/onnx';
import { weightsFolder } from '@emu-ts/tiny';
import { exportModel, learnTokenizer, type StageName, stageNames, trainTiny } from '@emu-ts/tiny/train';
import { terminalProgress } from '@emu-ts/training';

/**
 * Trains the small Emu stage by stage below `--dir`, then writes its weights into the package (`--out` for elsewhere).
 * The same command takes a broken-off training up where it was.
 */
const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: 'runs/tiny' },
    out: { type: 'string', default: fileURLToPath(weightsFolder) },
    only: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    updates: { type: 'string' },
  },
});
const only = values.only as StageName[] | undefined;
const unknown = only?.find((name) => !stageNames.includes(name));
if (unknown) {
  console.error(`--only got '${unknown}', wanted one of ${stageNames.join(', ')}.`);
  process.exit(2);
}
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const { signal } = controller;
const { dir, out } = values;
const seed = Number(values.seed);

await mkdir(dir, { recursive: true });
const tokenizerFile = path.join(dir, 'tokenizer.model');
const tokenizerModel = await readFile(tokenizerFile).catch(async () => {
  const learnt = learnTokenizer(seed);
  await writeFile(tokenizerFile, learnt);
  return learnt;
});
await using executor = await onnx({
  worker: true,
  sessionOptions: { intraOpNumThreads: Number(values.threads) },
});
const workshop = { dir, executor, tokenizerModel: new Uint8Array(tokenizerModel), seed };
const show = terminalProgress(process.stderr);
try {
  await trainTiny({
    ...workshop,
    only,
    updates: values.updates === undefined ? undefined : Number(values.updates),
    signal,
    onUpdate: ({ name }, pace) => {
      show(pace);
      if (pace.record.step % 250 === 0)
        console.log(`\n${name}: update ${pace.record.step}, loss ${pace.record.loss.toFixed(4)}`);
    },
  });
  if (!only) await exportModel(workshop, out, { signal });
} catch (error) {
  if (!signal.aborted) throw error;
  console.error('\nInterrupted; the same command goes on from here.');
  process.exitCode = 130;
}
