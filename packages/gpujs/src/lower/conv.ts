import type { ConvGeometry, Node } from '@emu-ts/graph';
import { type Lower, outputOf } from './lower.js';

/**
 * Two-dimensional convolution [n c h w] ∗ [o c kh kw] → [n o oh ow], and its adjoints. Row r of the output and row i of
 * the kernel meet at row r · stride + i − top of the input. Each thread sums up one element, channels innermost.
 */
interface Extents {
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly y: readonly number[];
}

function constantsOf({ attrs }: Node, { x, weight, y }: Extents): Record<string, number> {
  const { strides, padding } = attrs as ConvGeometry;
  const [batch, channels, height, width] = x;
  const [outputs, , kernelHeight, kernelWidth] = weight;
  return {
    batch,
    channels,
    height,
    width,
    outputs,
    kernelHeight,
    kernelWidth,
    outHeight: y[2],
    outWidth: y[3],
    strideY: strides[0],
    strideX: strides[1],
    top: padding[0],
    left: padding[1],
  };
}

export const conv2d: Lower = (node) => {
  const { x, weight } = node.inputs;
  const [n, o, oh, ow] = outputOf(node).shape;
  const source = `function (x, weight) {
  const n = quotient(this.thread.z, this.constants.outputs);
  const o = this.thread.z - n * this.constants.outputs;
  const plane = this.constants.height * this.constants.width;
  const window = this.constants.kernelHeight * this.constants.kernelWidth;
  let sum = 0;
  for (let i = 0; i < this.constants.kernelHeight; i++) {
    const row = this.thread.y * this.constants.strideY + i - this.constants.top;
    for (let j = 0; j < this.constants.kernelWidth; j++) {
      const column = this.thread.x * this.constants.strideX + j - this.constants.left;
      if (row >= 0 && row < this.constants.height && column >= 0 && column < this.constants.width) {
        let p = n * this.constants.channels * plane + row * this.constants.width + column;
        let q = o * this.constants.channels * window + i * this.constants.kernelWidth + j;
        for (let c = 0; c < this.constants.channels; c++) {
          sum += x[p] * weight[q];
          p += plane;
          q += window;
        }
      }
    }
  }
  return sum;
}`;
  const constants = constantsOf(node, { x: x.shape, weight: weight.shape, y: [n, o, oh, ow] });
  return { call: { source, constants, threads: [ow, oh, n * o], operands: [x, weight] } };
};

/** An element of the input gathers from every output whose window covers it. */
export const conv2dInputGrad: Lower = (node) => {
  const { dy, weight } = node.inputs;
  const [n, c, h, w] = outputOf(node).shape;
  const source = `function (dy, weight) {
  const n = quotient(this.thread.z, this.constants.channels);
  const c = this.thread.z - n * this.constants.channels;
  const plane = this.constants.outHeight * this.constants.outWidth;
  const window = this.constants.kernelHeight * this.constants.kernelWidth;
  let sum = 0;
  for (let i = 0; i < this.constants.kernelHeight; i++) {
    const down = this.thread.y + this.constants.top - i;
    const row = quotient(down, this.constants.strideY);
    for (let j = 0; j < this.constants.kernelWidth; j++) {
      const along = this.thread.x + this.constants.left - j;
      const column = quotient(along, this.constants.strideX);
      const hits = row * this.constants.strideY === down && column * this.constants.strideX === along;
      const inside = row >= 0 && row < this.constants.outHeight && column >= 0 && column < this.constants.outWidth;
      if (hits && inside) {
        let p = n * this.constants.outputs * plane + row * this.constants.outWidth + column;
        let q = c * window + i * this.constants.kernelWidth + j;
        for (let o = 0; o < this.constants.outputs; o++) {
          sum += dy[p] * weight[q];
          p += plane;
          q += this.constants.channels * window;
        }
      }
    }
  }
  return sum;
}`;
  const constants = constantsOf(node, { x: [n, c, h, w], weight: weight.shape, y: dy.shape });
  return { call: { source, constants, threads: [w, h, n * c], operands: [dy, weight] } };
};

/** An element of the weight meets one input element for every output element. Rows are summed on their own. */
export const conv2dWeightGrad: Lower = (node) => {
  const { x, dy } = node.inputs;
  const [o, c, kh, kw] = outputOf(node).shape;
  const source = `function (x, dy) {
  const o = quotient(this.thread.z, this.constants.channels);
  const c = this.thread.z - o * this.constants.channels;
  let sum = 0;
  for (let n = 0; n < this.constants.batch; n++) {
    for (let r = 0; r < this.constants.outHeight; r++) {
      const row = r * this.constants.strideY + this.thread.y - this.constants.top;
      const p = ((n * this.constants.channels + c) * this.constants.height + row) * this.constants.width;
      const q = ((n * this.constants.outputs + o) * this.constants.outHeight + r) * this.constants.outWidth;
      let partial = 0;
      for (let s = 0; s < this.constants.outWidth; s++) {
        const column = s * this.constants.strideX + this.thread.x - this.constants.left;
        if (row >= 0 && row < this.constants.height && column >= 0 && column < this.constants.width) {
          partial += x[p + column] * dy[q + s];
        }
      }
      sum += partial;
    }
  }
  return sum;
}`;
  const constants = constantsOf(node, { x: x.shape, weight: [o, c, kh, kw], y: dy.shape });
  return { call: { source, constants, threads: [kw, kh, o * c], operands: [x, dy] } };
};
