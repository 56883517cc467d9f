import type { TensorType } from '@emu-ts/graph';

/** What kernels that own one row of the last axis a workgroup have in common. */
export const rowsOf = (x: TensorType): number => x.shape.slice(0, -1).reduce((n, d) => n * d, 1);

/** Lanes for a row: as many as have something to do, since every fold costs a barrier per doubling. */
export const lanesFor = (columns: number): number =>
  columns >= 1024 ? 256 : columns >= 256 ? 64 : columns >= 128 ? 32 : 16;

/** Packed elements cannot be stored four at a time in every format: bf16 stays scalar. */
export const vectorises = (columns: number, ...operands: readonly TensorType[]): boolean =>
  columns % 4 === 0 && operands.every(({ dtype }) => dtype === 'f32' || dtype === 'f16');

export const u32 = (x: number): readonly ['u32', number] => ['u32', x];
export const f32 = (x: number): readonly ['f32', number] => ['f32', x];
