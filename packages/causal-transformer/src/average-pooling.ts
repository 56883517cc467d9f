import { ShapeError } from '@emu-ts/base';
import type { CausalTransformerModel, CausalTransformerShape } from '@emu-ts/contracts';
import { dims, formatType, literal, matmul, slice, type Value } from '@emu-ts/graph';
import { type LinearTree, linear, linearParams } from '@emu-ts/nn';

/**
 * The plainest thing that can stand where the causal transformer stands, and what Emu2 uses: the class token is
 * dropped, the grid of patches is averaged down to `queries` cells, and each cell is projected. What the transformer
 * adds is what this one lacks.
 */
export type AveragePoolingTree = { readonly pooling: { readonly projection: LinearTree } };

export const averagePooling = ({
  queries,
  inputWidth,
  outputWidth,
}: CausalTransformerShape): CausalTransformerModel<AveragePoolingTree> => ({
  queries,
  inputWidth,
  outputWidth,
  params: { pooling: { projection: linearParams(inputWidth, outputWidth) } },
  forward(p, features) {
    const { tokens } = dims(features, `b tokens ${inputWidth}`);
    const side = Math.sqrt(tokens - 1);
    if (!Number.isInteger(side) || side < 1)
      throw new ShapeError(
        `Average pooling takes a class token and a square grid of patches, got ${formatType(features)}.`,
      );
    const patches = slice(features, 1, 1, tokens); // [b patches c]
    return linear(p.pooling.projection, matmul(poolingMatrix(side, queries), patches)); // [b queries outputWidth]
  },
});

/**
 * Adaptive average pooling of a square grid, row by row, as a matrix [cells side²]. The cells form the most nearly
 * square grid with that many cells; along an axis, cell i of n covers positions ⌊i·side/n⌋ … ⌈(i+1)·side/n⌉ − 1.
 */
function poolingMatrix(side: number, cells: number): Value {
  const rows = rowsOf(cells);
  const columns = cells / rows;
  const weights = new Array<number>(cells * side * side).fill(0);
  for (let cell = 0; cell < cells; cell++) {
    const [top, bottom] = span(Math.floor(cell / columns), rows, side);
    const [left, right] = span(cell % columns, columns, side);
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        weights[(cell * side + y) * side + x] = 1 / ((bottom - top) * (right - left));
  }
  return literal('f32', [cells, side * side], weights);
}

const span = (i: number, n: number, side: number): [number, number] => [
  Math.floor((i * side) / n),
  Math.ceil(((i + 1) * side) / n),
];

/** The largest divisor up to the square root. */
function rowsOf(cells: number): number {
  let rows = Math.floor(Math.sqrt(cells));
  while (cells % rows !== 0) rows--;
  return rows;
}
