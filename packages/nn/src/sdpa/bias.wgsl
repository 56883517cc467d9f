// Stands before a kernel of attention: what is added to the score of a key. The bias is broadcast to [b h t s] by strides of
// zero; where a query's row of it starts is found once. No bias is lower than that of a hidden key.

const biased = has_bias;

fn bias_start(head: u32, query: u32) -> u32 {
  return head / params.h * params.bias_b + head % params.h * params.bias_h + query * params.bias_t;
}

fn bias_of(start: u32, key: u32) -> f32 { return max(load_bias(start + key * params.bias_s), masked); }
