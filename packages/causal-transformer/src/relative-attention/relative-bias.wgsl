// Stands before a kernel of attention: what is added to the score of a key is looked up where it is needed, by the bucket of
// the pair, in a table [buckets h] that stays small enough for caches.

const biased = true;

fn bias_start(head: u32, query: u32) -> vec2<u32> { return vec2<u32>(query * params.s, head % params.h); }

fn bias_of(start: vec2<u32>, key: u32) -> f32 {
  return max(load_table(u32(load_ids(start.x + key)) * params.h + start.y), masked);
}
