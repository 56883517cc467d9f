import { broadcastStrides, stridesOf } from '@emu-ts/graph';
import { coordinates, positions, type View } from '../kernel/index-text.js';
import { around, attr, everyElement, type Lower, outputOf } from './lower.js';

/** Moving elements: every thread finds out where its element comes from. */
const read =
  (viewOf: (node: Parameters<Lower>[0]) => View): Lower =>
  (node) => {
    const { declare, at } = positions('i', outputOf(node).shape, [viewOf(node)]);
    const source = `function (x) {
  const i = this.thread.x; ${declare}
  return x[${at[0]}];
}`;
    return everyElement(source, node, [node.inputs.x]);
  };

export const transpose = read((node) => {
  const own = stridesOf(node.inputs.x.shape);
  return { strides: attr<readonly number[]>(node, 'permutation').map((axis) => own[axis]) };
});

export const broadcast = read((node) => ({
  strides: broadcastStrides(node.inputs.x.shape, outputOf(node).shape),
}));

export const slice = read((node) => {
  const own = stridesOf(node.inputs.x.shape);
  const [starts, steps] = [attr<readonly number[]>(node, 'starts'), attr<readonly number[]>(node, 'steps')];
  return {
    strides: own.map((stride, axis) => stride * steps[axis]),
    offset: own.reduce((total, stride, axis) => total + stride * starts[axis], 0),
  };
});

export const pad: Lower = (node) => {
  const { x } = node.inputs;
  const low = attr<readonly number[]>(node, 'low');
  const step = attr<readonly number[]>(node, 'interior').map((between) => between + 1);
  const { shape } = outputOf(node);
  const padded = (axis: number) => shape[axis] !== x.shape[axis];
  const guards = shape.flatMap((_, axis) => {
    if (!padded(axis)) return [];
    const span = (x.shape[axis] - 1) * step[axis] + 1;
    const outside = `if (p${axis} < 0 || p${axis} >= ${span}) { return 0; }`;
    const between = step[axis] > 1 ? ` if (remainder(p${axis}, ${step[axis]}) > 0) { return 0; }` : '';
    return [`const p${axis} = i${axis} - ${low[axis]}; ${outside}${between}`];
  });
  const from = stridesOf(x.shape).map((stride, axis) => {
    if (!padded(axis)) return `i${axis} * ${stride}`;
    return step[axis] > 1 ? `quotient(p${axis}, ${step[axis]}) * ${stride}` : `p${axis} * ${stride}`;
  });
  const source = `function (x) {
  const i = this.thread.x; ${coordinates('i', shape)}
  ${guards.join('\n  ')}
  return x[${from.join(' + ') || '0'}];
}`;
  return everyElement(source, node, [x]);
};

/** At most so many tensors are joined by one kernel: WebGL binds 16 textures, and code grows with each. */
export const CONCAT_LIMIT = 8;

export const concat: Lower = (node) => {
  const parts = Object.values(node.inputs).filter(({ shape }) => !shape.includes(0));
  if (!parts.length) return { elements: new Float32Array(0) };
  const axis = attr<number>(node, 'axis');
  const [, n, inner] = around(outputOf(node).shape, axis);
  let end = 0;
  const choices = parts.map((part, k) => {
    const length = part.shape[axis] * inner;
    end += length;
    return `if (j < ${end}) { return x${k}[row * ${length} + j - ${end - length}]; }`;
  });
  const source = `function (${parts.map((_, k) => `x${k}`).join(', ')}) {
  const row = quotient(this.thread.x, ${n * inner});
  const j = this.thread.x - row * ${n * inner};
  ${choices.join('\n  ')}
  return 0;
}`;
  return everyElement(source, node, parts);
};
