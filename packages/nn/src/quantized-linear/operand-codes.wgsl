// Stands before a kernel of a product: rows of a weight [n k] stored as 4- or 8-bit codes in groups of 32 along k, four
// elements at a time: weight = (code − 8 or 128) · scale, zero beyond the edges. A word of `codes` holds eight 4-bit codes,
// the even one of a pair in the low half of its byte, or four 8-bit ones.

override BYTES: bool = false; // 8-bit codes

// Which word holds elements p to p + 3 of a row.
fn word_of(row: u32, p: u32) -> u32 {
  let group = row * params.groups + p / 32u;
  return select(group * 4u + p % 32u / 8u, group * 8u + p % 32u / 4u, BYTES);
}

fn weight_of(word: u32, p: u32, scale: f32) -> vec4<f32> {
  let nibbles = (vec4<u32>(word >> (p % 8u * 4u)) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u);
  return scale * (vec4<f32>(select(nibbles, unpack4xU8(word), BYTES)) - select(8.0, 128.0, BYTES));
}

fn fetch_w(row: u32, p: u32) -> vec4<f32> {
  if (row >= params.n || p >= params.k) { return vec4<f32>(); }
  return weight_of(codes[word_of(row, p)], p, load_scales(row * params.groups + p / 32u));
}
