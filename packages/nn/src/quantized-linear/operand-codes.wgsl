// Stands before a kernel of a product: rows of a weight [n k] stored as 4- or 8-bit codes in groups of 32 along k, four
// elements at a time: weight = (code − 8 or 128) · scale, zero beyond the edges. A word of `codes` holds eight 4-bit codes,
// the even one of a pair in the low half of its byte, or four 8-bit ones.

override BYTES: bool = false; // 8-bit codes

fn fetch_w(row: u32, p: u32) -> vec4<f32> {
  if (row >= params.n || p >= params.k) { return vec4<f32>(); }
  let group = row * params.groups + p / 32u;
  var four: vec4<u32>;
  if (BYTES) {
    four = unpack4xU8(codes[group * 8u + p % 32u / 4u]);
  } else {
    let word = codes[group * 4u + p % 32u / 8u] >> (p % 8u * 4u);
    four = (vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u);
  }
  return load_scales(group) * (vec4<f32>(four) - select(8.0, 128.0, BYTES));
}
