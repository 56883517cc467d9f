import type { Value } from '@emu-ts/graph';
import { linear } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import type { UnetConfig, UnetLevel } from './config.js';
import type { UnetParams } from './params.js';
import { type KeysValues, type TransformerTree, transformerKeysValues } from './transformer.js';

/**
 * Keys and values of every cross-attention: by block, by transformer of the block, by block of the transformer. They are
 * the same at every step of an image, so that they are worth computing once.
 */
export interface UnetContext {
  readonly down_blocks: readonly (readonly (readonly KeysValues[])[])[];
  readonly mid_block: readonly (readonly KeysValues[])[];
  readonly up_blocks: readonly (readonly (readonly KeysValues[])[])[];
}

/** @param context the condition [b n d] */
export function contextKeysValues(p: UnetParams, context: Value, { levels }: UnetConfig): UnetContext {
  const condition = p.encoder_hid_proj ? linear(p.encoder_hid_proj, context) : context;
  const of = (attentions: readonly Params<TransformerTree>[] | undefined, level: UnetLevel) =>
    (attentions ?? []).map((transformer) => transformerKeysValues(transformer, condition, level));
  const last = levels.length - 1;
  return {
    down_blocks: p.down_blocks.map(({ attentions }, i) => of(attentions, levels[i])),
    mid_block: of(p.mid_block.attentions, levels[last]),
    up_blocks: p.up_blocks.map(({ attentions }, i) => of(attentions, levels[last - i])),
  };
}

/** The same structure with `leaf(name, value)` in place of each value; names are those of the weights' paths. */
export function mapContext(
  { down_blocks, mid_block, up_blocks }: UnetContext,
  leaf: (name: string, value: Value) => Value,
): UnetContext {
  const transformers = (list: UnetContext['mid_block'], path: string) =>
    list.map((blocks, i) =>
      blocks.map(({ keys, values }, j) => {
        const name = `${path}.attentions.${i}.transformer_blocks.${j}.attn2`;
        return { keys: leaf(`${name}.keys`, keys), values: leaf(`${name}.values`, values) };
      }),
    );
  return {
    down_blocks: down_blocks.map((block, i) => transformers(block, `down_blocks.${i}`)),
    mid_block: transformers(mid_block, 'mid_block'),
    up_blocks: up_blocks.map((block, i) => transformers(block, `up_blocks.${i}`)),
  };
}

/** All keys and values by name, to be handed from one graph to another. */
export function namedContext(context: UnetContext): Record<string, Value> {
  const out: Record<string, Value> = {};
  mapContext(context, (name, value) => {
    out[name] = value;
    return value;
  });
  return out;
}
