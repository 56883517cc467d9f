import { type HostTensor, tensor, random, toF64, convert } from '@emu-ts/base';
import { interpret, type DeviceTensor } from '@emu-ts/graph';
import { loadParams, streamOf } from '@emu-ts/params';
import { goldens } from '@emu-ts/testing';
import { onnx } from '@emu-ts/onnx';
import * as ort from 'onnxruntime-node';
import { interleavedObjective } from '../src/objective/interleaved.js';
import { names } from '../src/step/names.js';
import { trainingStep } from '../src/step/step.js';
import { openReference, referenceTraining } from './reference.js';
const reference = await goldens();
const { config: { adamw }, activations } = reference;
const { model, batch, expectation } = await referenceTraining(reference);
const step = trainingStep({ params: model.params, objective: interleavedObjective(model, { imagesLogged: 1 }), optimizer: { betas: adamw.betas, eps: adamw.eps, weightDecay: adamw.weight_decay, groups: [{ name: 'all', match: ['**'], rate: adamw.lr }], clipNorm: adamw.clip_norm } });
await using file = await openReference(reference, false);
const initial = await loadParams(model.params, file);
const { graph, donate } = step.trace(batch);
const trajectory = await activations.read('train.trajectory');
const T = trajectory.shape[0];
async function walk(run: (f: any) => Promise<Record<string, HostTensor>>, start: Map<string, HostTensor>) {
  let state: Record<string, HostTensor> = Object.fromEntries(Object.keys(donate).map((n) => [n, start.get(n) ?? tensor('f64', graph.inputs[n].shape)]));
  const out: number[][] = [];
  for (let t = 1; t <= T; t++) {
    const sc: any = { [names.step]: tensor('f32', [], [t]), [names.rate('all')]: tensor('f32', [], [adamw.lr]) };
    const o = await run(Object.fromEntries(Object.keys(graph.inputs).map((n) => [n, state[n] ?? sc[n] ?? batch[n] ?? start.get(n)])));
    state = Object.fromEntries(Object.entries(donate).map(([f, to]) => [f, o[to]]));
    out.push(['loss_text', 'loss_image', 'gradient_norm'].map((n) => Number(o[names.metric(n)].data[0])));
  }
  return out;
}
const oracle = async (f: any) => interpret(graph, f);
const base = await walk(oracle, initial);
const gold = Array.from({length:T},(_,t)=>[...toF64(trajectory).subarray(t*3,t*3+3)]);
const dev = (a: number[][]) => a.map((r, t) => r.map((x, i) => Math.abs(x - base[t][i]).toExponential(1)).join(' ')).join(' | ');
console.log('gold   ', dev(gold));
const ex = await onnx({ ort: ort as any });
const program = await ex.compile(graph, {});
const f32 = (f: any) => Object.fromEntries(Object.entries(f).map(([k, v]: any) => [k, v.dtype === 'f64' ? convert(v, 'f32') : v]));
const dv = await walk(async (f) => { const o = await program.run(f32(f)); const r: any = {}; for (const [k, v] of Object.entries(o)) r[k] = await (v as DeviceTensor).read(); return r; }, initial);
console.log('onnx   ', dev(dv));
for (const eps of [2 ** -24, 2 ** -24 * Math.sqrt(expectation.terms!)]) for (let seed = 1; seed < 4; seed++) {
  const noisy = new Map([...initial].map(([n, t]) => { const r = random(seed, streamOf(n)).normal(t.data.length); return [n, tensor('f64', t.shape, Float64Array.from(toF64(t), (x, i) => x * (1 + eps * r[i])))]; }));
  console.log(eps.toExponential(1), dev(await walk(oracle, noisy as any)));
}
console.log(base.map(r=>r.map(x=>x.toFixed(3)).join(' ')).join(' | '));
