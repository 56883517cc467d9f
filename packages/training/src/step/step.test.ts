import { type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { expand, interpret, primitives, simplify, sub, tensorType } from '@emu-ts/graph';
import { linear, linearParams, meanSquaredError, silu } from '@emu-ts/nn';
import { flatten, initialize } from '@emu-ts/params';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import type { OptimizerOptions } from '../optimizer/groups.js';
import { names } from './names.js';
import { trainingStep } from './step.js';
import type { Objective, StepOptions } from './types.js';

const tree = { a: linearParams(3, 8), b: linearParams(8, 2), idle: linearParams(2, 2) };
type Tree = typeof tree;

const objective: Objective<Tree> = (p, { x, y }) => {
  const error = meanSquaredError(linear(p.b, silu(linear(p.a, x))), y);
  return { loss: error, metrics: { error } };
};

const optimizer: OptimizerOptions = {
  betas: [0.9, 0.99],
  eps: 1e-8,
  weightDecay: 0.1,
  groups: [
    { name: 'first', match: ['a.**'], rate: 1e-2 },
    { name: 'rest', match: ['**'], rate: 2e-2 },
  ],
  clipNorm: 0.5,
};

const step = (options: Partial<StepOptions<Tree>> = {}) =>
  trainingStep({ params: tree, objective, optimizer, ...options });

const types = { x: tensorType('f32', [4, 3]), y: tensorType('f32', [4, 2]) };
const batch = (seed: number): Record<string, HostTensor> => ({
  x: tensor('f32', [4, 3], random(seed, 1).normal(12)),
  y: tensor('f32', [4, 2], random(seed, 2).normal(8)),
});

const scalars = (t: number, extra: Record<string, number> = {}) =>
  Object.fromEntries(
    Object.entries({
      [names.step]: t,
      [names.rate('first')]: 1e-2,
      [names.rate('rest')]: 2e-2,
      ...extra,
    }).map(([name, value]) => [name, tensor('f32', [], [value])]),
  );

type State = Record<string, HostTensor>;
const weights = (): State => Object.fromEntries(initialize(tree, { seed: 3 }));

/** Runs one traced step on the interpreter; state that is not there yet is zeros. */
function run(
  { graph, donate }: ReturnType<ReturnType<typeof step>['trace']>,
  state: State,
  inputs: Record<string, HostTensor>,
) {
  const fresh = Object.fromEntries(
    Object.keys(donate).map((name) => [name, tensor('f32', graph.inputs[name].shape)]),
  );
  const given = { ...fresh, ...state, ...inputs };
  const out = interpret(
    graph,
    Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, given[name]])),
  );
  const next = Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, out[to]]));
  const metric = (name: string) => out[names.metric(name)]?.data[0];
  return { out, state: { ...state, ...next } as State, metric };
}

/** Sixty updates on one batch. */
function trained(traced: Parameters<typeof run>[0]) {
  let state = weights();
  const losses: number[] = [];
  for (let t = 1; t <= 60; t++) {
    const result = run(traced, state, { ...batch(1), ...scalars(t) });
    state = result.state;
    losses.push(result.metric('loss') as number);
  }
  return { losses, state };
}

describe('trainingStep', () => {
  it('is one graph whose state goes in and out under its checkpoint names', () => {
    const { graph, donate } = step().trace(types);
    for (const name of ['a.weight', 'a.bias', 'b.weight', 'b.bias']) {
      expect(donate).toMatchObject({ [name]: name, [names.m(name)]: names.m(name) });
      expect(graph.outputs[name].shape).toEqual(graph.inputs[name].shape);
    }
    expect(Object.keys(donate)).toHaveLength(12);
    expect(
      simplify(expand(graph)).nodes.every(({ op }) => Object.values(primitives).includes(op as never)),
    ).toBe(true);
  });

  it('updates matrices by Muon where asked to, and vectors by AdamW all the same', () => {
    const s = step({ optimizer: { ...optimizer, muon: ['a.**'] } });
    const traced = s.trace(types);
    expect(Object.keys(traced.donate)).not.toContain(names.v('a.weight'));
    expect(Object.keys(traced.donate)).toContain(names.v('a.bias'));
    const { losses } = trained(traced);
    expect(losses[59]).toBeLessThan(losses[0] / 2);
  });

  it('leaves parameters that the loss does not reach alone', () => {
    const s = step();
    expect(s.trained.has('idle.weight')).toBe(true);
    expect(Object.keys(s.trace(types).graph.inputs).some((name) => name.includes('idle'))).toBe(false);
  });

  it('trains: the loss falls, and frozen weights stay', () => {
    const s = step({ optimizer: { ...optimizer, frozen: ['a.bias'] } });
    const { losses, state } = trained(s.trace(types));
    expect(losses[59]).toBeLessThan(0.3 * losses[0]);
    expect(state['a.bias']).toEqual(weights()['a.bias']);
  });

  it('accumulates two batches into the update of both at once', () => {
    const both = { x: tensorType('f32', [8, 3]), y: tensorType('f32', [8, 2]) };
    const [one, two] = [batch(1), batch(2)];
    const joined = Object.fromEntries(
      Object.keys(one).map((name) => {
        const data = [...toF64(one[name]), ...toF64(two[name])];
        return [name, tensor('f32', [8, one[name].shape[1]], data)];
      }),
    );
    const whole = run(step().trace(both), weights(), { ...joined, ...scalars(1) });
    const accumulating = step({ accumulate: 2 });
    const traced = accumulating.traceAccumulation(types);
    const half = run(traced, weights(), { ...one, ...scalars(1) });
    for (const name of Object.keys(weights())) {
      expect([...toF64(half.state[name])]).toEqual([...toF64(weights()[name])]);
    }
    const sums = run(traced, half.state, { ...two, ...scalars(1) });
    const loss = ((half.metric('loss') as number) + (sums.metric('loss') as number)) / 2;
    const reached = [...accumulating.trained.keys()].filter((name) => names.accumulated(name) in sums.state);
    expect(reached).toEqual(['a.weight', 'a.bias', 'b.weight', 'b.bias']);
    const done = run(accumulating.traceUpdate(reached), sums.state, scalars(1, { [names.loss]: loss }));
    for (const name of ['a.weight', 'a.bias', 'b.weight', 'b.bias']) {
      expectClose(`accumulated ${name}`, done.state[name], whole.state[name] as HostTensor<'f64'>, {
        dtype: 'f64',
        terms: 8,
        depth: 8,
        magnitude: 10,
      });
    }
    expect(done.metric('gradient_norm')).toBeCloseTo(whole.metric('gradient_norm') as number, 12);
  });

  it('scales the loss without changing the update', () => {
    const plain = run(step().trace(types), weights(), { ...batch(1), ...scalars(1) });
    const scaled = run(step({ lossScaling: true }).trace(types), weights(), {
      ...batch(1),
      ...scalars(1, { [names.lossScale]: 1024 }),
    });
    for (const name of ['a.weight', 'b.bias']) {
      expectClose(`scaled ${name}`, scaled.state[name], plain.state[name] as HostTensor<'f64'>, {
        dtype: 'f64',
        terms: 8,
      });
    }
    expect(scaled.metric('loss')).toBe(plain.metric('loss'));
  });

  it('touches nothing when the loss is not a number, and says so', () => {
    const poisoned = { ...batch(1), x: tensor('f32', [4, 3], new Float32Array(12).fill(Number.NaN)) };
    const { state, metric } = run(step({ ema: 0.9 }).trace(types), weights(), { ...poisoned, ...scalars(1) });
    expect(metric('applied')).toBe(0);
    for (const [name, before] of Object.entries(weights())) {
      expect([...toF64(state[name])]).toEqual([...toF64(before)]);
    }
    expect([...toF64(state[names.m('a.weight')])].every((x) => x === 0)).toBe(true);
  });

  it('keeps a moving average', () => {
    const start = weights();
    const averages = Object.fromEntries(Object.entries(start).map(([name, t]) => [names.ema(name), t]));
    const { state } = run(
      step({ ema: 0.75 }).trace(types),
      { ...start, ...averages },
      { ...batch(1), ...scalars(1) },
    );
    const expected = toF64(start['b.weight']).map((w, i) => 0.75 * w + 0.25 * toF64(state['b.weight'])[i]);
    expectClose('ema', state[names.ema('b.weight')], tensor('f64', [2, 8], expected), {
      dtype: 'f64',
      terms: 2,
    });
  });

  it('trains only the last rows of a table', () => {
    const s = step({ optimizer: { ...optimizer, rows: { 'a.weight': 6 } } });
    const traced = s.trace(types);
    const rows = names.rows('a.weight');
    expect(traced.graph.inputs[rows].shape).toEqual([2, 3]);
    expect(traced.donate['a.weight']).toBeUndefined();
    const start = weights();
    const tail = tensor('f32', [2, 3], (start['a.weight'].data as Float32Array).slice(18));
    const whole = run(step().trace(types), start, { ...batch(1), ...scalars(1) });
    const part = run(traced, { ...start, [rows]: tail }, { ...batch(1), ...scalars(1) });
    expect(part.metric('loss')).toBe(whole.metric('loss'));
    expect(() => step({ optimizer: { ...optimizer, rows: { 'a.weight': 9 } } })).toThrow(
      /'a.weight' is \[8,3\]/,
    );
  });

  it('takes gradients and the update as two graphs, for workers', () => {
    const s = step();
    const whole = run(s.trace(types), weights(), { ...batch(1), ...scalars(1) });
    const gradients = s.traceGradients(types).graph;
    const inputs = { ...weights(), ...batch(1) };
    const parts = interpret(
      gradients,
      Object.fromEntries(Object.keys(gradients.inputs).map((name) => [name, inputs[name]])),
    );
    const reached = [...s.trained.keys()].filter((name) => names.gradient(name) in parts);
    const sums = Object.fromEntries(
      reached.map((name) => [names.accumulated(name), parts[names.gradient(name)]]),
    );
    const loss = parts[names.metric('loss')].data[0];
    const done = run(s.traceUpdate(reached), weights(), { ...sums, ...scalars(1, { [names.loss]: loss }) });
    for (const name of reached) expect(toF64(done.state[name])).toEqual(toF64(whole.state[name]));
  });

  it('rounds weights for the objective and keeps the master copies', () => {
    const { graph } = step({ compute: 'f16' }).trace(types);
    expect(graph.inputs['a.weight'].dtype).toBe('f32');
    expect(graph.outputs['a.weight'].dtype).toBe('f32');
  });

  it('refuses an objective without a scalar loss, and one that trains nothing', () => {
    const vector: Objective<Tree> = (_, { x }) => ({ loss: x });
    expect(() => step({ objective: vector }).trace(types)).toThrow(/must be a scalar, got \[4,3\]/);
    const none: Objective<Tree> = (_, { x, y }) => ({ loss: meanSquaredError(sub(x, x), x), metrics: { y } });
    expect(() => step({ objective: none }).trace(types)).toThrow(/none of the trained parameters/);
    expect(() => step().trace({ ...types, 'a.weight': tensorType('f32', [1]) })).toThrow(/'a.weight'/);
  });

  it('knows every parameter', () => {
    expect([...step().parameters.keys()]).toEqual([...flatten(tree).keys()]);
    expect(sizeOf(step().parameters.get('a.weight')?.shape ?? [])).toBe(24);
  });
});
