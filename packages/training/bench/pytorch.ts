import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type HostTensor, tensor } from '@emu-ts/base';
import type { DeviceTensor, Executor } from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import { initialize } from '@emu-ts/params';
import { type Bench, executors } from '@emu-ts/testing';
import { names } from '../src/index.js';
import { optimizer, small, smallEmu, tiny } from './small-emu.js';

/**
 * A training step beside the same one in plain PyTorch: the same weights, batch, optimiser and number of threads. The
 * losses are compared, so that it is the same work. The two work in turns and never at once, several steps a turn, of
 * which the first is not counted. Beside the time on the clock stands that of the processor, which other programs hardly
 * change. With a number of threads, those of neither side spin while they wait for each other: spinning counts as work, half
 * again as much on two cores, and where other programs take the cores it keeps those waiting that are waited for. `as they
 * come` leaves both as they are when nobody sets anything: PyTorch's own threads and those of its BLAS then spin against each other.
 *
 * Needs a `python3` with `torch` and a real BLAS (Debian: python3-torch and libopenblas0-pthread; without the latter,
 * products run fifteen times slower in the reference BLAS); `EMU_PYTHON` names another one. It says so where there is
 * none. `EMU_BENCH_SIZE=tiny` tries it out.
 */
const candidates = process.env.EMU_PYTHON ? [process.env.EMU_PYTHON] : ['python3', '/usr/bin/python3'];
const tryOut = process.env.EMU_BENCH_SIZE === 'tiny';
const [sizes, turns, stepsOfTurn] = tryOut ? [tiny, 2, 2] : [small, 6, 4];
const versionOf = (program: string): string | undefined => {
  const { status, stdout } = spawnSync(program, ['-c', 'import torch; print(torch.__version__)'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
};
const python = candidates.find(versionOf);
if (!python)
  console.log(`training: step beside PyTorch is left out: no torch for ${candidates.join(' or ')}.`);

/** One step: its loss, and the milliseconds that it took on the clock and of the processor. */
interface Measured {
  readonly loss: number;
  readonly ms: number;
  readonly cpu: number;
}

interface Step {
  step(): Promise<Measured>;
  end(): Promise<void>;
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** What both train: the model, a batch of so many pairs, and where the weights start. */
function subjectOf(pairs: number) {
  const emu = smallEmu({ ...sizes, pairs });
  return { ...emu, weights: Object.fromEntries(initialize(emu.model.params, { seed: 1 })) as Tensors };
}
type Subject = ReturnType<typeof subjectOf>;

/** Our step: one graph, its state going round. */
async function ours(executor: Executor, { step, batch, weights }: Subject): Promise<Step> {
  const { graph, donate } = step.trace(batch);
  const [{ name: group, rate }] = optimizer.groups;
  const numbers: Record<string, number> = { [names.rate(group)]: rate, [names.lossScale]: 1 };
  const place = (name: string) =>
    executor.upload(weights[name] ?? batch[name] ?? zerosOr(numbers[name], graph.inputs[name].shape));
  const program = await executor.compile(graph, { donate });
  const entries = Object.keys(graph.inputs).map(async (name) => [name, await place(name)] as const);
  let inputs: Record<string, DeviceTensor> = Object.fromEntries(await Promise.all(entries));
  let count = 0;
  return {
    async step() {
      const [start, used] = [performance.now(), process.cpuUsage()];
      const outputs = await program.run({ ...inputs, [names.step]: tensor('f32', [], [++count]) });
      const loss = (await outputs[names.metric('loss')].read()).data[0];
      const state = Object.entries(donate).map(([from, to]) => [from, outputs[to]] as const);
      inputs = { ...inputs, ...Object.fromEntries(state) };
      const kept = new Set(Object.values(donate));
      for (const [name, output] of Object.entries(outputs)) if (!kept.has(name)) output.dispose();
      const { user, system } = process.cpuUsage(used);
      return { loss: Number(loss), ms: performance.now() - start, cpu: (user + system) / 1000 };
    },
    async end() {
      for (const held of Object.values(inputs)) held.dispose();
      await program.dispose();
    },
  };
}

const zerosOr = (value: number | undefined, shape: readonly number[]): HostTensor =>
  value === undefined ? tensor('f32', shape) : tensor('f32', shape, [value]);

/** The same in a process of its own, which waits while we work, and the library that multiplies matrices there. */
async function theirs(
  threads: number | undefined,
  subject: Subject,
): Promise<Step & { readonly blas: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'emu-pytorch-'));
  writeTensors(folder, subject);
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const counts = { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}` };
  // OpenBLAS spins for 2 to the power of this many cycles, and for no fewer than 2⁴.
  const waits = { OMP_WAIT_POLICY: 'passive', OPENBLAS_THREAD_TIMEOUT: '4' };
  const [args, settings] = threads === undefined ? [[], {}] : [[`${threads}`], { ...counts, ...waits }];
  const child = spawn(python as string, [script, folder, ...args], { env: { ...process.env, ...settings } });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors = collect(child);
  const answer = async <T>(): Promise<T> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`PyTorch ended: ${errors()}`);
    return JSON.parse(value);
  };
  const { blas } = await answer<{ blas: string }>();
  return {
    blas,
    step() {
      child.stdin.write('step\n');
      return answer<Measured>();
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
function writeTensors(folder: string, { config, weights, batch }: Subject): void {
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
  const all = { ...config, optimizer: { ...optimizer, rate } };
  const manifest = { config: all, weights: place(weights), batch: place(batch) };
  writeFileSync(path.join(folder, 'tensors.bin'), Buffer.concat(chunks));
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Losses that are compared: rounding grows with every update. */
const compared = 15;

/** A different model differs in the first digits. */
function expectSame(ours: readonly number[], theirs: readonly number[]): void {
  const off = ours.findIndex((loss, i) => !(Math.abs(loss - theirs[i]) <= 1e-3 * Math.abs(loss)));
  if (off >= 0)
    throw new Error(
      `The models differ: loss ${ours[off]} here, ${theirs[off]} in PyTorch, at step ${off + 1}.`,
    );
}

/** Steps of both in turns: each leads every other turn, and three steps of both warm up. */
async function inTurns(a: Step, b: Step): Promise<readonly [Measured[], Measured[]]> {
  const both = [a, b] as const;
  const all: [Measured[], Measured[]] = [[], []];
  const counted: [Measured[], Measured[]] = [[], []];
  for (let turn = -1; turn < turns; turn++)
    for (const which of turn % 2 ? ([1, 0] as const) : ([0, 1] as const))
      for (let i = 0; i <= stepsOfTurn; i++) {
        const measured = await both[which].step();
        all[which].push(measured);
        if (turn >= 0 && i > 0) counted[which].push(measured);
      }
  expectSame(
    ...(all.map((steps) => steps.slice(0, compared).map(({ loss }) => loss)) as [number[], number[]]),
  );
  return counted;
}

const median = (steps: readonly Measured[], of: 'ms' | 'cpu'): number =>
  steps.map((step) => step[of]).sort((x, y) => x - y)[steps.length >> 1];

/** @param threads undefined: what both take by themselves */
const bench = (threads?: number, pairs = sizes.pairs): Bench => ({
  name: `training: step beside PyTorch (onnx, ${threads === undefined ? 'as they come' : `threads: ${threads}`}, ${pairs} pairs)`,
  unit: 'ms',
  async run() {
    const sessionOptions = threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 };
    await using executor = await onnx({ ort: await import('onnxruntime-node'), sessionOptions });
    const subject = subjectOf(pairs);
    const [a, b] = [await ours(executor, subject), await theirs(threads, subject)];
    try {
      const [here, there] = await inTurns(a, b);
      const [cpu, theirCpu] = [median(here, 'cpu'), median(there, 'cpu')];
      const own = { 'processor ms': cpu, 'in PyTorch': theirCpu, ratio: cpu / theirCpu, BLAS: b.blas };
      const value = median(here, 'ms');
      if (b.blas === 'reference')
        return { value, detail: { ...own, 'no baseline': 'PyTorch has no real BLAS' } };
      const name = `PyTorch ${versionOf(python as string)}`;
      return { value, baseline: { name, value: median(there, 'ms') }, detail: own };
    } finally {
      await a.end();
      await b.end();
    }
  },
});

const onnxIsWanted = executors().some(({ name }) => name === 'onnx');
const cores = availableParallelism();
/** Of a small batch, much of the time goes into getting from one operator to the next. */
const few = Math.ceil(sizes.pairs / 6);
export const benches: readonly Bench[] =
  python && onnxIsWanted
    ? [
        ...(cores > 1 ? [1, cores] : [1]).flatMap((threads) => [bench(threads), bench(threads, few)]),
        bench(),
        bench(undefined, few),
      ]
    : [];
