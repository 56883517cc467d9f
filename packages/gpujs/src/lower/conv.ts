import { type AnyOp, type ConvGeometry, pad, primitives, type Rule, reapply } from '@emu-ts/graph';
import { type Lower, outputOf } from './lower.js';

/**
 * Two-dimensional convolution [n c h w] ∗ [o c kh kw] → [n o oh ow], and its adjoints. Row r of the output and row i of
 * the kernel meet at row r · stride + i − top of the input. Each thread sums up one element.
 */

/** Zeros around the input become a step of their own, so that no window leaves it and no kernel asks. */
export const padFirst: Rule = (node, inputs) => {
  const { padding } = node.attrs as ConvGeometry;
  const pads =
    node.op === (primitives.conv2d as AnyOp) || node.op === (primitives.conv2d_weight_grad as AnyOp);
  if (!pads || padding.every((zeros) => zeros === 0)) return reapply(node, inputs);
  const [top, left, bottom, right] = padding;
  const x = pad(inputs.x, [0, 0, top, left], [0, 0, bottom, right]);
  return node.op({ ...inputs, x }, { ...node.attrs, padding: [0, 0, 0, 0] });
};

/** So many products stand in one expression. */
const UNROLLED = 16;

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Of an input without padding. As much of the window as fits, and several channels of a small one, are one expression. */
export const conv2d: Lower = (node) => {
  const { x, weight } = node.inputs;
  const [n, o, oh, ow] = outputOf(node).shape;
  const [, channels, height, width] = x.shape;
  const [, , kh, kw] = weight.shape;
  const { strides } = node.attrs as ConvGeometry;
  const rows = kh * kw <= UNROLLED ? kh : 1;
  const together = [4, 2, 1].find((c) => channels % c === 0 && c * kh * kw <= UNROLLED) ?? 1;
  const terms = range(together).flatMap((c) =>
    range(rows).flatMap((i) =>
      range(kw).map((j) => `x[p + ${(c * height + i) * width + j}] * weight[q + ${(c * kh + i) * kw + j}]`),
    ),
  );
  const source = `function (x, weight) {
  const n = quotient(this.thread.z, ${o});
  const o = this.thread.z - n * ${o};
  const corner = n * ${channels * height * width} + this.thread.y * ${strides[0] * width} + this.thread.x * ${strides[1]};
  let q = o * ${channels * kh * kw};
  let sum = 0;
  for (let c = 0; c < ${channels / together}; c++) {
    let p = corner + c * ${together * height * width};
    for (let i = 0; i < ${kh / rows}; i++) {
      sum += ${terms.join('\n        + ')};
      p += ${width};
      q += ${together * rows * kw};
    }
  }
  return sum;
}`;
  return { call: { source, threads: [ow, oh, n * o], operands: [x, weight] } };
};

/** An element of the input gathers from every output whose window covers it. */
export const conv2dInputGrad: Lower = (node) => {
  const { dy, weight } = node.inputs;
  const [n, c, h, w] = outputOf(node).shape;
  const [, o, oh, ow] = dy.shape;
  const [, , kh, kw] = weight.shape;
  const {
    strides: [down, along],
    padding: [top, left],
  } = node.attrs as ConvGeometry;
  const source = `function (dy, weight) {
  const n = quotient(this.thread.z, ${c});
  const c = this.thread.z - n * ${c};
  let sum = 0;
  for (let i = 0; i < ${kh}; i++) {
    const y = this.thread.y + ${top} - i;
    const row = quotient(y, ${down});
    for (let j = 0; j < ${kw}; j++) {
      const x = this.thread.x + ${left} - j;
      const column = quotient(x, ${along});
      const inside = row >= 0 && row < ${oh} && column >= 0 && column < ${ow};
      if (inside && row * ${down} === y && column * ${along} === x) {
        let p = n * ${o * oh * ow} + row * ${ow} + column;
        let q = c * ${kh * kw} + i * ${kw} + j;
        for (let o = 0; o < ${o}; o++) {
          sum += dy[p] * weight[q];
          p += ${oh * ow};
          q += ${c * kh * kw};
        }
      }
    }
  }
  return sum;
}`;
  return { call: { source, threads: [w, h, n * c], operands: [dy, weight] } };
};

/**
 * An element of the weight meets one element of the input, which has no padding, for every element of the output. Rows
 * are summed on their own.
 */
export const conv2dWeightGrad: Lower = (node) => {
  const { x, dy } = node.inputs;
  const [o, c, kh, kw] = outputOf(node).shape;
  const [batch, , height, width] = x.shape;
  const [, , oh, ow] = dy.shape;
  const { strides } = node.attrs as ConvGeometry;
  const source = `function (x, dy) {
  const o = quotient(this.thread.z, ${c});
  const c = this.thread.z - o * ${c};
  let sum = 0;
  for (let n = 0; n < ${batch}; n++) {
    let p = ((n * ${c} + c) * ${height} + this.thread.y) * ${width} + this.thread.x;
    let q = (n * ${o} + o) * ${oh * ow};
    for (let r = 0; r < ${oh}; r++) {
      let partial = 0;
      for (let s = 0; s < ${ow}; s++) {
        partial += x[p + s * ${strides[1]}] * dy[q + s];
      }
      sum += partial;
      p += ${strides[0] * width};
      q += ${ow};
    }
  }
  return sum;
}`;
  return { call: { source, threads: [kw, kh, o * c], operands: [x, dy] } };
};
