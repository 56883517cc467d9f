import type { ReadContext } from '@emu-ts/contracts';
import { add, mul, type Value } from '@emu-ts/graph';
import { linear, mergeHeads, type RopeTables, rmsNorm, rope, silu, splitHeads } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import { headSize, type LlamaConfig, loraScale } from './config.js';
import type { AttentionTree, BlockParams, MlpTree, ProjectionParams } from './params.js';

/** Where a block works: the positions, who sees whom, and the rotary tables. */
export interface Surroundings extends ReadContext {
  readonly tables: RopeTables;
}

/** One layer (Touvron et al., "LLaMA", 2023, section 2.2): x [b t width] → [b t width]. */
export function block(p: BlockParams, x: Value, layer: number, around: Surroundings, c: LlamaConfig): Value {
  const h = add(x, selfAttention(p.self_attn, rmsNorm(p.input_layernorm, x, c.eps), layer, around, c));
  return add(h, mlp(p.mlp, rmsNorm(p.post_attention_layernorm, h, c.eps)));
}

function selfAttention(
  p: Params<AttentionTree>,
  x: Value,
  layer: number,
  { positions, tables, attend, dropout }: Surroundings,
  c: LlamaConfig,
): Value {
  const rate = c.lora?.dropout ?? 0;
  const update = { scale: loraScale(c), reads: (y: Value) => (dropout && rate > 0 ? dropout(y, rate) : y) };
  const heads = (projection: ProjectionParams) => splitHeads(project(projection, x, update), c.heads);
  const q = rope(heads(p.q_proj), positions, tables); // [b h t d]
  const k = rope(heads(p.k_proj), positions, tables);
  const v = heads(p.v_proj);
  const seen = attend(layer, { q, k, v }, headSize(c) ** -0.5);
  return project(p.o_proj, mergeHeads(seen), update);
}

/** SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020). */
const mlp = (p: Params<MlpTree>, x: Value): Value =>
  linear(p.down_proj, mul(silu(linear(p.gate_proj, x)), linear(p.up_proj, x)));

/** How a low-rank update counts, and what of x it reads: all of it by default. */
export interface UpdateRule {
  readonly scale: number;
  reads?(x: Value): Value;
}

/** x Wᵀ + scale · (x Aᵀ) Bᵀ: a projection and, where there is one, its low-rank update. */
export function project(p: ProjectionParams, x: Value, { scale, reads = (y) => y }: UpdateRule): Value {
  const y = linear(p, x);
  if (!p.lora_A || !p.lora_B) return y;
  return add(y, mul(linear(p.lora_B.default, linear(p.lora_A.default, reads(x))), scale));
}
