/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { u32 } from '../rows.js';
import source from './embedding.wgsl';
import partsSource from './embedding-parts.wgsl';
import { embeddingOp, embeddingPartsOp, mostParts } from './op.js';

export const embeddingKernel: Kernel<typeof embeddingOp> = {
  op: embeddingOp,
  name: 'nn.embedding',
  source,
  params: ({ weight, y }) => ({
    size: u32(size(y)),
    rows: u32(weight.shape[0]),
    width: u32(weight.shape[1]),
  }),
  workgroups: ({ y }) => Math.ceil(size(y) / 256),
};

export const embeddingPartsKernel: Kernel<typeof embeddingPartsOp> = {
  op: embeddingPartsOp,
  name: 'nn.embedding_parts',
  passes: (types) => [
    {
      source: partsSource,
      reads: {
        ids: 'ids',
        ...Object.fromEntries(
          Array.from({ length: mostParts }, (_, i) => [`part${i}`, `part${i}` in types ? `part${i}` : null]),
        ),
      },
      writes: { y: 'y' },
      params: {
        size: u32(size(types.y)),
        rows: u32(
          Object.entries(types).reduce(
            (n, [name, x]) => n + (x && name.startsWith('part') ? x.shape[0] : 0),
            0,
          ),
        ),
        each: u32(types.part0.shape[0]),
        width: u32(types.part0.shape[1]),
      },
      workgroups: Math.ceil(size(types.y) / 256),
    },
  ],
};
