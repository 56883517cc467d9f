import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type HostTensor, tensor } from '@emu-ts/base';
import type { DeviceTensor, Executor } from '@emu-ts/graph';
import { initialize } from '@emu-ts/params';
import { alternate, type Bench, executors } from '@emu-ts/testing';
import { names } from '../src/index.js';
import { optimizer, small, smallEmu, tiny } from './small-emu.js';

/**
 * A training step beside the same one in plain PyTorch: the same weights, batch and optimiser, in turns, on as many
 * threads. The losses are compared first, so that it is the same work. Needs a `python3` with `torch` (Debian:
 * python3-torch; `EMU_PYTHON` names another one) and says so where there is none. `EMU_BENCH_SIZE=tiny` tries it out.
 */
const candidates = process.env.EMU_PYTHON ? [process.env.EMU_PYTHON] : ['python3', '/usr/bin/python3'];
const sizes = process.env.EMU_BENCH_SIZE === 'tiny' ? tiny : small;
const versionOf = (program: string): string | undefined => {
  const { status, stdout } = spawnSync(program, ['-c', 'import torch; print(torch.__version__)'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
};
const python = candidates.find(versionOf);
if (!python)
  console.log(`training: step beside PyTorch is left out: no torch for ${candidates.join(' or ')}.`);
const rounds = sizes === tiny ? 3 : 15;

interface Step {
  /** Makes one step and gives its loss. */
  step(): Promise<number>;
  end(): Promise<void>;
}

type Tensors = Readonly<Record<string, HostTensor>>;
const emu = smallEmu(sizes);
const weights: Tensors = Object.fromEntries(initialize(emu.model.params, { seed: 1 }));

/** Our step: one graph, its state going round. */
async function ours(executor: Executor): Promise<Step> {
  const { graph, donate } = emu.step.trace(emu.batch);
  const [{ name: group, rate }] = optimizer.groups;
  const numbers: Record<string, number> = { [names.rate(group)]: rate, [names.lossScale]: 1 };
  const place = (name: string) =>
    executor.upload(weights[name] ?? emu.batch[name] ?? zerosOr(numbers[name], graph.inputs[name].shape));
  const program = await executor.compile(graph, { donate });
  const entries = Object.keys(graph.inputs).map(async (name) => [name, await place(name)] as const);
  let inputs: Record<string, DeviceTensor> = Object.fromEntries(await Promise.all(entries));
  let count = 0;
  return {
    async step() {
      const outputs = await program.run({ ...inputs, [names.step]: tensor('f32', [], [++count]) });
      const loss = (await outputs[names.metric('loss')].read()).data[0];
      const state = Object.entries(donate).map(([from, to]) => [from, outputs[to]] as const);
      inputs = { ...inputs, ...Object.fromEntries(state) };
      const kept = new Set(Object.values(donate));
      for (const [name, output] of Object.entries(outputs)) if (!kept.has(name)) output.dispose();
      return Number(loss);
    },
    async end() {
      for (const held of Object.values(inputs)) held.dispose();
      await program.dispose();
    },
  };
}

const zerosOr = (value: number | undefined, shape: readonly number[]): HostTensor =>
  value === undefined ? tensor('f32', shape) : tensor('f32', shape, [value]);

/** The same in a process of its own, which waits while we work. */
async function theirs(): Promise<Step> {
  const folder = mkdtempSync(path.join(tmpdir(), 'emu-pytorch-'));
  writeTensors(folder);
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const child = spawn(python as string, [script, folder, String(availableParallelism())]);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors = collect(child);
  return {
    async step() {
      child.stdin.write('step\n');
      const { value, done } = await answers.next();
      if (done) throw new Error(`PyTorch ended: ${errors()}`);
      return (JSON.parse(value) as { loss: number }).loss;
    },
    async end() {
      child.stdin.end();
      await new Promise((resolve) => (child.exitCode === null ? child.on('close', resolve) : resolve(0)));
      rmSync(folder, { recursive: true });
    },
  };
}

function collect({ stderr }: ChildProcessWithoutNullStreams): () => string {
  let text = '';
  stderr.on('data', (data) => {
    text += data;
  });
  return () => text.trim();
}

/** Weights and batch as one file of bytes, and where each lies. */
function writeTensors(folder: string): void {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const place = (tensors: Tensors) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
        const entry = { dtype, shape, offset };
        chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        offset += data.byteLength;
        return [name, entry];
      }),
    );
  const [{ rate }] = optimizer.groups;
  const config = { ...emu.config, optimizer: { ...optimizer, rate } };
  const manifest = { config, weights: place(weights), batch: place(emu.batch) };
  writeFileSync(path.join(folder, 'tensors.bin'), Buffer.concat(chunks));
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Rounding grows with every update; a different model differs in the first digits. */
function expectSame(ours: readonly number[], theirs: readonly number[]): void {
  const off = ours.findIndex((loss, i) => !(Math.abs(loss - theirs[i]) <= 1e-3 * Math.abs(loss)));
  if (off >= 0)
    throw new Error(
      `The models differ: loss ${ours[off]} here, ${theirs[off]} in PyTorch, at step ${off + 1}.`,
    );
}

export const benches: readonly Bench[] = executors()
  .filter(({ name }) => python !== undefined && name === 'onnx')
  .map(({ name, create }) => ({
    name: `training: step beside PyTorch (${name})`,
    unit: 'ms',
    async run() {
      await using executor = await create();
      const [a, b] = [await ours(executor), await theirs()];
      try {
        const losses: [number[], number[]] = [[], []];
        const [value, baseline] = await alternate(
          rounds,
          async () => losses[0].push(await a.step()),
          async () => losses[1].push(await b.step()),
        );
        expectSame(losses[0], losses[1]);
        return { value, baseline: { name: `PyTorch ${versionOf(python as string)}`, value: baseline } };
      } finally {
        await a.end();
        await b.end();
      }
    },
  }));
