/// <reference path="../wgsl.d.ts" />
import { tensorType } from '@emu-ts/graph';
import type { Kernel, ParamValue, TypesOf } from '@emu-ts/webgpu/kernel';
import bestSource from './best.wgsl';
import { type ContinuationsAttrs, continuationsOp } from './op.js';
import promptSource from './prompt.wgsl';
import stretchSource from './stretch.wgsl';
import totalsSource from './totals.wgsl';

const u32 = (x: number): ParamValue => ['u32', x];

/** Tokens that one workgroup looks at: their scores fit into the memory of every device's workgroups. */
const span = 2048;

const sizes = ({ logits, scores }: TypesOf<typeof continuationsOp>, { count }: ContinuationsAttrs) => {
  const [prompts, shared, v] = logits.shape;
  const [, beams] = scores.shape;
  return { prompts, shared, v, beams, stretches: Math.ceil(v / span), kept: Math.min(count, v, span) };
};

/** Three dispatches: totals of stretches, the best of every stretch, the best of every prompt. */
export const continuationsKernel: Kernel<typeof continuationsOp> = {
  op: continuationsOp,
  name: 'language_model.continuations stretches',
  scratch(types, attrs) {
    const { prompts, shared, beams, stretches, kept } = sizes(types, attrs);
    return {
      totals: tensorType('f32', [prompts * shared, stretches, 2]),
      found: tensorType('f32', [prompts, beams, stretches, kept]),
      places: tensorType('i32', [prompts, beams, stretches, kept]),
    };
  },
  passes(types, attrs) {
    const { prompts, shared, v, beams, stretches, kept } = sizes(types, attrs);
    const { seen, forbidden } = types;
    return [
      {
        label: 'totals',
        source: totalsSource,
        reads: { logits: 'logits' },
        writes: { totals: 'totals' },
        params: { rows: u32(prompts * shared), v: u32(v), stretches: u32(stretches) },
        overrides: { SPAN: span },
        workgroups: prompts * shared * stretches,
      },
      {
        label: 'the best of a stretch',
        source: bestSource + stretchSource,
        reads: {
          logits: 'logits',
          scores: 'scores',
          totals: 'totals',
          seen: seen ? 'seen' : null,
          forbidden: forbidden ? 'forbidden' : null,
        },
        writes: { found: 'found', places: 'places' },
        params: {
          rows: u32(prompts * beams),
          beams: u32(beams),
          share: u32(beams / shared),
          v: u32(v),
          stretches: u32(stretches),
          kept: u32(kept),
          m: u32(seen?.shape[2] ?? 0),
          e: u32(forbidden?.shape[0] ?? 0),
          penalty: ['f32', attrs.penalty],
        },
        overrides: { SPAN: span },
        uniforms: ['scores', 'forbidden'],
        workgroups: prompts * beams * stretches,
      },
      {
        label: 'the best of a prompt',
        source: bestSource + promptSource,
        reads: { found: 'found', places: 'places' },
        writes: { score: 'score', place: 'place' },
        params: {
          prompts: u32(prompts),
          candidates: u32(beams * stretches * kept),
          count: u32(attrs.count),
        },
        workgroups: prompts,
      },
    ];
  },
};
