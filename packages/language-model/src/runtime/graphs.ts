import type { DType } from '@emu-ts/base';
import type { LanguageModelModel } from '@emu-ts/contracts';
import {
  type AnyTensor,
  add,
  cast,
  concat,
  type DeviceTensor,
  div,
  dynamicSlice,
  equal,
  full,
  type Graph,
  gather,
  graphOf,
  input,
  iota,
  less,
  max,
  mul,
  reshape,
  size,
  type TensorType,
  tensorType,
  type Value,
  where,
} from '@emu-ts/graph';
import { attention, maskValue } from '@emu-ts/nn';
import { type Params, type ParamTree, paramInputs } from '@emu-ts/params';
import { cachedAttentionOp, positionsFrom, readRows } from '../cached-attention/op.js';
import { type ContinuationsAttrs, continuationsOp } from '../continuations/op.js';
import { type NextBeamsAttrs, nextBeamsOp } from '../next-beams/op.js';
import { type SampleAttrs, sampleOp } from '../sample/op.js';
import { spliceOp } from '../splice/op.js';

/** What the graphs of one model have in common. */
export interface GraphSettings {
  readonly model: LanguageModelModel;
  /** The format in which keys and values are kept. */
  readonly cacheDType: DType;
}

/** Runs the program of a key. */
export type RunGraph = (
  key: string,
  graph: () => Graph,
  inputs: Readonly<Record<string, AnyTensor>>,
) => Promise<Record<string, DeviceTensor>>;

/** Shapes of one pass over a session's rows. */
export interface PassShape {
  readonly batch: number;
  readonly capacity: number;
  /** Positions computed. */
  readonly size: number;
  /** What is read: `ids` [b] or an `embedding` [b width] for one position, or `embeddings` [b size width]. */
  readonly from: 'ids' | 'embedding' | 'embeddings';
  /** Hidden states of position `last` alone, or of all. */
  readonly positions: 'last' | 'all';
  /** Rows read their past from other rows. */
  readonly scattered: boolean;
}

const names = (layer: number) => [`cache.${layer}.keys`, `cache.${layer}.values`] as const;

/** Names of the cache's tensors. */
export const cacheNames = ({ cache }: LanguageModelModel): string[] =>
  Array.from({ length: cache.layers }, (_, layer) => names(layer)).flat();

/** Each is [batch heads capacity headSize]. */
export const cacheType = (
  { model, cacheDType }: GraphSettings,
  batch: number,
  capacity: number,
): TensorType => tensorType(cacheDType, [batch, model.cache.heads, capacity, model.cache.headSize]);

/** Reads `size` positions behind the first `length`: hidden states, and the cache with them in it. */
export function passGraph(settings: GraphSettings, shape: PassShape): Graph {
  const { hidden, cache } = pass(settings, shape, paramInputs(settings.model.params));
  return graphOf({ hidden: shape.positions === 'all' ? hidden : lastOf(hidden), ...cache });
}

/** How tokens are chosen from the logits of a step. */
export interface DrawShape extends SampleAttrs {
  /** There is a number for every token: columns of `numbers` [b columns]; 0 takes the likeliest. */
  readonly columns: number;
  /** Divides the scores of what has been seen; 1 for none. */
  readonly penalty: number;
}

/** Reads one id a row and chooses the next: token [b], the cache, and with a penalty what has been seen, f32 [b vocabSize]. */
export function drawGraph(
  settings: GraphSettings,
  shape: PassShape,
  { columns, penalty, ...how }: DrawShape,
): Graph {
  const { model } = settings;
  const { batch } = shape;
  const p = paramInputs(model.params);
  const { hidden, cache } = pass(settings, shape, p);
  const logits = model.logits(p, lastOf(hidden));
  const step = input('step', tensorType('i32', []));
  const drawn = columns ? input('numbers', tensorType('f32', [batch, columns])) : undefined;
  if (penalty === 1) return graphOf({ token: sampleOp({ logits, step, drawn }, how).token, ...cache });
  const seen = input('seen', tensorType('f32', [batch, model.vocabSize]));
  const unlikelier = where(less(logits, 0), mul(logits, penalty), div(logits, penalty));
  const { token } = sampleOp({ logits: where(less(0, seen), unlikelier, logits), step, drawn }, how);
  const chosen = equal(iota([1, model.vocabSize], 1), reshape(token, [batch, 1]));
  return graphOf({ token, seen: max(seen, cast(chosen, 'f32')), ...cache });
}

/** All hidden states of a pass, and the cache with the new positions in it. */
function pass(
  settings: GraphSettings,
  shape: PassShape,
  p: Params<ParamTree>,
): { hidden: Value; cache: Record<string, Value>; length: Value; rows: Value | undefined } {
  const { model } = settings;
  const { batch, capacity, size, scattered } = shape;
  const length = input('length', tensorType('i32', []));
  const padding = input('padding', tensorType('i32', [batch]));
  const rows = scattered ? input('rows', tensorType('i32', [batch, capacity])) : undefined;
  const type = cacheType(settings, batch, capacity);
  const cache: Record<string, Value> = {};
  const hidden = model.read(p, embeddingsOf(model, shape, p), {
    positions: positionsFrom(length, padding, size),
    attend(layer, operands, scale) {
      const [keys, values] = names(layer);
      const past = { keys: input(keys, type), values: input(values, type), length, padding, rows };
      const seen = cachedAttentionOp({ ...operands, ...past }, { scale });
      cache[keys] = seen.keysOut;
      cache[values] = seen.valuesOut;
      return seen.out;
    },
  });
  return { hidden, cache, length, rows };
}

/** What a pass reads, [b size width]. */
function embeddingsOf(
  model: LanguageModelModel,
  { from, batch, size }: PassShape,
  p: Params<ParamTree>,
): Value {
  const { width } = model;
  if (from === 'embeddings') return input('embeddings', tensorType('f32', [batch, size, width]));
  const one =
    from === 'ids'
      ? model.embed(p, input('ids', tensorType('i32', [batch])))
      : input('embedding', tensorType('f32', [batch, width]));
  return reshape(one, [batch, 1, width]);
}

/** Position `last` (a run-time number where there are several) of [b t width]: [b width]. */
function lastOf(x: Value): Value {
  const [batch, size, width] = x.shape;
  const one = size === 1 ? x : dynamicSlice(x, input('last', tensorType('i32', [])), 1, 1);
  return reshape(one, [batch, width]);
}

/** The cache of `batch` rows from one of `from` rows: position p of row i is that of row rows[i, p]. */
export function reorderGraph(settings: GraphSettings, from: number, batch: number, capacity: number): Graph {
  const rows = input('rows', tensorType('i32', [batch, capacity]));
  const type = cacheType(settings, from, capacity);
  return graphOf(
    Object.fromEntries(cacheNames(settings.model).map((name) => [name, readRows(input(name, type), rows)])),
  );
}

/** hidden [rows width] → logits [rows vocabSize] */
export function logitsGraph({ model }: GraphSettings, rows: number): Graph {
  const hidden = input('hidden', tensorType('f32', [rows, model.width]));
  return graphOf({ logits: model.logits(paramInputs(model.params), hidden) });
}

/** Which continuations are wanted, of how many beams. */
export interface ContinuationsShape extends ContinuationsAttrs {
  /** Rows of hidden states: one for every beam, or one for every prompt. */
  readonly rows: number;
  readonly prompts: number;
  readonly beams: number;
  /** Ids per beam that are less likely, and tokens that are forbidden; 0 for none. */
  readonly seen: number;
  readonly forbidden: number;
}

/** hidden [rows width], scores [prompts beams], seen [prompts beams seen], forbidden [forbidden] → the op's score and place. */
export function continuationsGraph(settings: GraphSettings, shape: ContinuationsShape): Graph {
  const { model } = settings;
  const hidden = input('hidden', tensorType('f32', [shape.rows, model.width]));
  return graphOf(continued(settings, shape, paramInputs(model.params), hidden, seenBy(shape)));
}

/** The ids that the beams hold, where they matter. */
const seenBy = ({ prompts, beams, seen }: ContinuationsShape): Value | undefined =>
  seen ? input('seen', tensorType('i32', [prompts, beams, seen])) : undefined;

function continued(
  { model }: GraphSettings,
  { rows, prompts, beams, forbidden, count, penalty }: ContinuationsShape,
  p: Params<ParamTree>,
  hidden: Value,
  seen: Value | undefined,
) {
  const operands = {
    logits: model.logits(p, reshape(hidden, [prompts, rows / prompts, model.width])),
    scores: input('scores', tensorType('f32', [prompts, beams])),
    seen,
    forbidden: forbidden ? input('forbidden', tensorType('i32', [forbidden])) : undefined,
  };
  return continuationsOp(operands, { count, penalty });
}

/**
 * Reads one id a beam and goes on with the best continuations: score and place of them all, ids, scores and table of the
 * beams that go on, the cache, and where the beams hold ids, those and the new ones at index `held`.
 */
export function branchGraph(
  settings: GraphSettings,
  shape: PassShape,
  how: ContinuationsShape & Pick<NextBeamsAttrs, 'ends' | 'floor'>,
): Graph {
  const { beams, ends, floor } = how;
  const p = paramInputs(settings.model.params);
  const { hidden, cache, ...past } = pass(settings, { ...shape, scattered: true }, p);
  const seen = seenBy(how);
  const { score, place } = continued(settings, how, p, lastOf(hidden), seen);
  const length = add(past.length, 1); // with what was read just now
  const rows = past.rows as Value;
  const attrs = { beams, v: settings.model.vocabSize, ends, floor };
  const { parents, ...next } = nextBeamsOp({ score, place, rows, length }, attrs);
  const reached = { score, place, ids: next.ids, scores: next.scores, rows: next.rowsOut };
  if (!seen) return graphOf({ ...reached, ...cache });
  const before = gather(reshape(seen, [shape.batch, how.seen]), parents);
  const here = equal(iota([1, how.seen], 1), input('held', tensorType('i32', [])));
  const ids = where(here, reshape(next.ids, [shape.batch, 1]), before);
  return graphOf({ ...reached, seen: reshape(ids, seen.shape), ...cache });
}

/** ids [n] → embeddings [n width] */
export function embedGraph({ model }: GraphSettings, n: number): Graph {
  const ids = input('ids', tensorType('i32', [n]));
  return graphOf({ embeddings: model.embed(paramInputs(model.params), ids) });
}

/** ids [b·t], slots [b·t], image embeddings of these shapes → [b t width] */
export function spliceGraph(
  { model }: GraphSettings,
  b: number,
  t: number,
  shapes: readonly (readonly number[])[],
): Graph {
  const ids = input('ids', tensorType('i32', [b * t]));
  const rows = shapes.map((shape, i) => {
    const given = input(`embeddings ${i}`, tensorType('f32', shape));
    return reshape(given, [size(given) / model.width, model.width]);
  });
  const { y } = spliceOp(
    {
      tokens: model.embed(paramInputs(model.params), ids),
      embeddings: rows.length === 1 ? rows[0] : concat(rows, 0),
      slots: input('slots', tensorType('i32', [b * t])),
    },
    {},
  );
  return graphOf({ embeddings: reshape(y, [b, t, model.width]) });
}

/** embeddings [b t width] → the positions `places` [b·count] of the flattened rows, [b count width] */
export function cutGraph({ model }: GraphSettings, b: number, t: number, count: number): Graph {
  const embeddings = input('embeddings', tensorType('f32', [b, t, model.width]));
  const places = input('places', tensorType('i32', [b * count]));
  const part = gather(reshape(embeddings, [b * t, model.width]), places);
  return graphOf({ part: reshape(part, [b, count, model.width]) });
}

/** embeddings [b t width], padding [b] → logits [b t vocabSize], without a cache. */
export function scoreGraph({ model }: GraphSettings, b: number, t: number): Graph {
  const p = paramInputs(model.params);
  const embeddings = input('embeddings', tensorType('f32', [b, t, model.width]));
  const padding = input('padding', tensorType('i32', [b]));
  const holds = less(reshape(padding, [b, 1, 1, 1]), add(iota([1, t], 1), 1)); // [b 1 1 t]
  const bias = where(holds, 0, maskValue);
  const hidden = model.read(p, embeddings, {
    positions: positionsFrom(full([], 0, 'i32'), padding, t),
    attend: (_, operands, scale) => attention({ ...operands, bias }, { scale, causal: true }),
  });
  return graphOf({ logits: model.logits(p, hidden) });
}
