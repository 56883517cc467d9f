// Stands before a kernel of a product: the rows of a weight stored as floats, four elements along k at a time, zero beyond the
// edges. How many there are says `weight_rows`.

fn fetch_w(row: u32, p: u32) -> vec4<f32> {
  if (row >= weight_rows() || p >= params.k) { return vec4<f32>(); }
  let at = row * params.k + p;
  if (VECTOR) { return load4_weight(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && p + j < params.k; j++) { value[j] = load_weight(at + j); }
  return value;
}
