import { tensor } from '@emu-ts/base';
import { expectGradients, readmeExamples } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  add,
  check,
  constant,
  defineOp,
  dims,
  div,
  exp,
  expand,
  full,
  gradients,
  graphOf,
  input,
  interpret,
  interpreter,
  less,
  matmul,
  maxReduce,
  mul,
  pad,
  primitiveName,
  print,
  reshape,
  simplify,
  sub,
  sum,
  tensorType,
  transpose,
  updateSlice,
  type Value,
  where,
} from './index.js';

const x = () => input('x', tensorType('f32', [2, 3]));

const softmaxOp = defineOp({
  name: 'test.softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _: Record<string, never>) => ({ y: x }),
  decompose: ({ x }) => {
    const e = exp(sub(x, maxReduce(x, -1, true)));
    return { y: div(e, sum(e, -1, true)) };
  },
});
const softmax = (value: Value) => softmaxOp({ x: value }, {}).y;

describe('graph', () => {
  it('prints what was traced', () => {
    expect(print(graphOf({ y: add(mul(softmax(x()), 2), 1) }))).toMatchInlineSnapshot(`
      "(x: f32[2,3]) {
        %0 = test.softmax(x) : f32[2,3]
        %1 = prim.mul(%0, 2) : f32[2,3]
        %2 = prim.add(%1, 1) : f32[2,3]
      } -> y: %2"
    `);
  });

  it('expands composites, and keeps those it is asked to keep', () => {
    const graph = graphOf({ y: softmax(softmax(x())) });
    expect(expand(graph).nodes.every((node) => primitiveName(node.op))).toBe(true);
    expect(expand(graph, (node) => node.op.name === 'test.softmax').nodes).toHaveLength(3);
    expect(print(simplify(expand(graphOf({ y: softmax(x()) }))))).toMatchInlineSnapshot(`
      "(x: f32[2,3]) {
        %0 = prim.max_reduce(x, axes=[1]) : f32[2,1]
        %1 = prim.sub(x, %0) : f32[2,3]
        %2 = prim.exp(%1) : f32[2,3]
        %3 = prim.sum(%2, axes=[1]) : f32[2,1]
        %4 = prim.div(%2, %3) : f32[2,3]
      } -> y: %4"
    `);
  });

  it('computes equal subexpressions once and drops arithmetic that does nothing', () => {
    const v = x();
    const graph = simplify(graphOf({ y: add(add(exp(v), exp(v)), 0) }));
    expect(graph.nodes.map((node) => node.op.name)).toEqual(['prim.input', 'prim.exp', 'prim.add']);
    const shared = constant(tensor('f32', [1], [3]));
    const other = constant(tensor('f32', [1], [4]));
    expect(simplify(graphOf({ y: add(shared, other) })).nodes).toHaveLength(3);
    expect(simplify(graphOf({ y: add(full([], 1), full([2], 0)) })).outputs.y.shape).toEqual([2]);
  });

  it.each([
    ['in order', [0, 1, 2], ['prim.concat']],
    ['backwards', [2, 1, 0], ['prim.concat']],
    ['with a gap', [0, 2, 1], ['prim.pad', 'prim.pad', 'prim.add', 'prim.pad', 'prim.add']],
    ['inside zeros', [1, 2], ['prim.concat', 'prim.pad']],
  ])('joins parts that lie side by side: %s', (_, order, wanted) => {
    const [low, whole] = [[0, 2, 5], 9];
    const parts = [2, 3, 4].map((n, i) => input(`part${i}`, tensorType('f64', [2, n])));
    const placed = parts.map((part, i) => pad(part, [0, low[i]], [0, whole - low[i] - part.shape[1]]));
    const graph = graphOf({ y: order.map((i) => placed[i]).reduce((a, b) => add(a, b)) });
    const simple = simplify(graph);
    expect(simple.nodes.map(({ op }) => op.name).filter((name) => name !== 'prim.input')).toEqual(wanted);
    const given = Object.fromEntries(
      order.map((i) => [
        `part${i}`,
        tensor(
          'f64',
          parts[i].shape,
          Array.from({ length: 2 * parts[i].shape[1] }, (_, j) => 10 * i + j + 1),
        ),
      ]),
    );
    expect(interpret(simple, given)).toEqual(interpret(graph, given));
  });

  it('adds what lies side by side in one, and broadcasts', () => {
    const [a, b] = [input('a', tensorType('f32', [1, 2])), input('b', tensorType('f32', [3, 2]))];
    const graph = graphOf({ y: add(pad(a, [0, 0], [0, 2]), pad(b, [0, 2], [0, 0])) });
    expect(simplify(graph).nodes.map(({ op }) => op.name)).not.toContain('prim.concat');
  });

  it('refuses what does not fit, naming both sides', () => {
    expect(() => matmul(x(), x())).toThrow('inner dimensions of f32[2,3] and f32[2,3] differ');
    expect(() => add(x(), input('i', tensorType('i32', [3])))).toThrow(
      'operands differ in dtype, f32[2,3] and i32[3]',
    );
    expect(() => reshape(x(), [4, 2])).toThrow('prim.reshape: f32[2,3] has 6 elements, [4,2] has 8');
    expect(() => dims(x(), 'b t d')).toThrow('Expected 3 dimensions (b t d), got f32[2,3]');
    expect(() => dims(x(), 'n n')).toThrow("Expected 2 at 'n'");
    expect(() => graphOf({ y: add(x(), x()) })).toThrow("Two different inputs of this graph are named 'x'");
    // @ts-expect-error an operand is missing
    expect(() => softmaxOp({}, {})).toThrow('test.softmax takes (x); missing: x, unknown: none');
  });

  it('finds two copies of an op in one graph', () => {
    const copy = defineOp({ ...softmaxOp, name: 'test.softmax' });
    expect(() => check(graphOf({ y: copy({ x: softmax(x()) }, {}).y }))).toThrow(
      'Two different ops named test.softmax',
    );
    expect(check(graphOf({ y: softmax(x()) })).nodes).toHaveLength(2);
  });

  it('reports a decomposition that breaks its promise', () => {
    const liar = defineOp({
      name: 'test.liar',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x }, _: Record<string, never>) => ({ y: x }),
      decompose: ({ x }) => ({ y: transpose(x, [1, 0]) }),
    });
    expect(() => expand(graphOf({ y: liar({ x: x() }, {}).y }))).toThrow('infer promises f32[2,3] for');
  });
});

describe('gradients', () => {
  const given = {
    x: tensor('f64', [2, 3], [0.3, -1.2, 0.5, 2, 0.1, -0.7]),
    w: tensor('f64', [3, 2], [1, 2, -1, 0.5, 0.2, -0.4]),
  };

  it('differentiate through composites without a vjp', () => {
    expectGradients('softmax chain', ({ x, w }) => softmax(matmul(softmax(x), w)), given);
  });

  it('add up over every use of a value, also when it stands twice at one op', () => {
    expectGradients('shared', ({ x }) => add(mul(x, x), exp(x)), { x: given.x });
    const productOp = defineOp({
      name: 'test.product',
      inputs: ['a', 'b'],
      outputs: ['y'],
      infer: ({ a }, _: Record<string, never>) => ({ y: a }),
      decompose: ({ a, b }) => ({ y: mul(a, b) }),
    });
    expectGradients('square', ({ x }) => productOp({ a: x, b: x }, {}).y, { x: given.x });
  });

  it('refuse a loss that is not a scalar, and ops without a gradient', () => {
    const v = x();
    expect(() => gradients(v, [v])).toThrow('the loss must be a scalar, got f32[2,3]');
    const roundOp = defineOp({
      name: 'test.round',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x }, _: Record<string, never>) => ({ y: x }),
      decompose: ({ x }) => ({ y: x }),
      vjp: 'none',
    });
    expect(() => gradients(sum(roundOp({ x: v }, {}).y), [v])).toThrow('test.round has no gradient');
  });

  it('are zero where the loss does not depend on a value, and pass through a selection', () => {
    const [v, unused] = [x(), input('u', tensorType('f32', [2]))];
    const [dv, du] = gradients(sum(where(less(v, 0), mul(v, 3), 0)), [v, unused]);
    const { dv: a, du: b } = interpret(graphOf({ dv, du }), { x: given.x });
    expect([...a.data]).toEqual([0, 3, 0, 0, 0, 3]);
    expect([...b.data]).toEqual([0, 0]);
  });
});

describe('interpreter', () => {
  it('runs as an executor, keeps weights and state, and consumes donated tensors', async () => {
    const cache = input('cache', tensorType('f32', [4]));
    const start = input('start', tensorType('i32', []));
    const row = input('row', tensorType('f32', [1]));
    const weight = input('weight', tensorType('f32', [1]));
    const graph = graphOf({ next: updateSlice(cache, mul(row, weight), start, 0) });
    const executor = interpreter();
    const program = await executor.compile(graph, {
      weights: { weight: tensor('f32', [1], [10]) },
      donate: { cache: 'next' },
    });
    expect(Object.keys(program.inputs).sort()).toEqual(['cache', 'row', 'start']);
    let state = await executor.upload(tensor('f32', [4]));
    const first = state;
    for (let i = 0; i < 3; i++) {
      const { next } = await program.run({
        cache: state,
        start: tensor('i32', [], [i]),
        row: tensor('f32', [1], [i + 1]),
      });
      state = next;
    }
    expect([...(await state.read()).data]).toEqual([10, 20, 30, 0]);
    await expect(first.read()).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(
      program.run({ cache: state, start: tensor('i32', [], [4]), row: tensor('f32', [1]) }),
    ).rejects.toMatchObject({
      code: 'INDEX',
    });
    await expect(program.run({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    await expect(program.run({})).rejects.toMatchObject({ code: 'MISSING_INPUT' });
  });
});

readmeExamples(import.meta.url);
