import { convert, type HostTensor, random, tensor, toF64 } from '@emu-ts/base';
import { type DeviceTensor, interpret } from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import { loadParams, streamOf } from '@emu-ts/params';
import { goldens } from '@emu-ts/testing';
import * as ort from 'onnxruntime-node';
import { interleavedObjective } from '../src/objective/interleaved.js';
import { names } from '../src/step/names.js';
import { trainingStep } from '../src/step/step.js';
import { openReference, referenceTraining } from './reference.js';

const reference = await goldens();
const {
  config: { adamw },
  activations,
} = reference;
const { model, batch, expectation } = await referenceTraining(reference);
const step = trainingStep({
  params: model.params,
  objective: interleavedObjective(model, { imagesLogged: 1 }),
  optimizer: {
    betas: adamw.betas,
    eps: adamw.eps,
    weightDecay: adamw.weight_decay,
    groups: [{ name: 'all', match: ['**'], rate: adamw.lr }],
    clipNorm: adamw.clip_norm,
  },
});
await using file = await openReference(reference, false);
const initial = await loadParams(model.params, file);
const ex = await onnx({ ort: ort as any });
const f32 = (f: any) =>
  Object.fromEntries(Object.entries(f).map(([k, v]: any) => [k, v.dtype === 'f64' ? convert(v, 'f32') : v]));
const runner = async (graph: any) => {
  const program = await ex.compile(graph, {});
  return async (f: any) => {
    const o = await program.run(f32(f));
    const r: any = {};
    for (const [k, v] of Object.entries(o)) r[k] = await (v as DeviceTensor).read();
    return r;
  };
};
const noisy = (seed: number) =>
  new Map(
    [...initial].map(([n, t]) => {
      const r = random(seed, streamOf(n)).normal(t.data.length);
      return [
        n,
        tensor(
          'f64',
          t.shape,
          Float64Array.from(toF64(t), (x, i) => x * (1 + 2 ** -24 * r[i])),
        ),
      ];
    }),
  ) as unknown as Map<string, HostTensor>;
const u = 2 ** -24;
{
  // gradients
  const { graph } = step.traceGradients(batch);
  const fed = (w: Map<string, HostTensor>) =>
    Object.fromEntries(Object.keys(graph.inputs).map((n) => [n, w.get(n) ?? batch[n]]));
  const base = interpret(graph, fed(initial));
  const got = await (await runner(graph))(fed(initial));
  const draws = [1, 2, 3].map((s) => interpret(graph, fed(noisy(s))));
  let worst = [0, ''] as any,
    worst1 = [0, ''] as any,
    wide: number[] = [];
  for (const n of Object.keys(base)) {
    if (!n.startsWith('optimizer')) continue;
    const b = toF64(base[n]);
    const dev = (t: any) => {
      const a = toF64(t);
      let m = 0;
      for (let i = 0; i < a.length; i++) m = Math.max(m, Math.abs(a[i] - b[i]));
      return m;
    };
    const mag = b.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const err = dev(got[n]);
    const s = draws.map((d) => dev(d[n]));
    const base0 = u * Math.sqrt(expectation.terms! * expectation.depth!) * mag;
    const r = err / (8 * (base0 + Math.max(...s)));
    if (r > worst[0]) worst = [r, n, err / (8 * base0), s.map((x) => (err / x).toFixed(1)).join('/')];
    const r1 = err / (8 * Math.max(...s));
    wide.push(r1);
    if (r1 > worst1[0]) worst1 = [r1, n];
  }
  wide.sort((a, b) => a - b);
  console.log(
    'gradient',
    worst.join(' '),
    '; sens only',
    worst1.join(' '),
    'median',
    wide[wide.length >> 1].toFixed(3),
    'min',
    wide[0].toExponential(1),
  );
}
const { graph, donate } = step.trace(batch);
const T = (await activations.read('train.trajectory')).shape[0];
async function walk(run: (f: any) => Promise<Record<string, HostTensor>>, start: Map<string, HostTensor>) {
  let state: Record<string, HostTensor> = Object.fromEntries(
    Object.keys(donate).map((n) => [n, start.get(n) ?? tensor('f64', graph.inputs[n].shape)]),
  );
  const out: number[][] = [];
  for (let t = 1; t <= T; t++) {
    const sc: any = {
      [names.step]: tensor('f32', [], [t]),
      [names.rate('all')]: tensor('f32', [], [adamw.lr]),
    };
    const o = await run(
      Object.fromEntries(
        Object.keys(graph.inputs).map((n) => [n, state[n] ?? sc[n] ?? batch[n] ?? start.get(n)]),
      ),
    );
    state = Object.fromEntries(Object.entries(donate).map(([f, to]) => [f, o[to]]));
    out.push(['loss_text', 'loss_image', 'gradient_norm'].map((n) => Number(o[names.metric(n)].data[0])));
  }
  return out;
}
const oracle = async (f: any) => interpret(graph, f);
const base = await walk(oracle, initial);
const got = await walk(await runner(graph), initial);
const draws = [];
for (const s of [1, 2, 3]) draws.push(await walk(oracle, noisy(s)));
const cum = [0, 0, 0];
let any = 0;
console.log(
  'walk',
  base
    .map((row, t) =>
      row
        .map((b, c) => {
          cum[c] = Math.max(cum[c], ...draws.map((d) => Math.abs(d[t][c] - b)));
          any = Math.max(any, cum[c] / Math.abs(b));
          const base0 = u * Math.sqrt(expectation.terms! * expectation.depth!) * Math.abs(b);
          return (Math.abs(got[t][c] - b) / (8 * (base0 + cum[c]))).toFixed(3);
        })
        .join(' '),
    )
    .join(' | '),
);
