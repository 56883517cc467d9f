// Stands before a kernel of a product: the rows of x, four elements along k at a time, zero beyond the edges.

override VECTOR: bool = false; // k divides by four

fn fetch_x(row: u32, p: u32) -> vec4<f32> {
  if (row >= params.m || p >= params.k) { return vec4<f32>(); }
  let at = row * params.k + p;
  if (VECTOR) { return load4_x(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && p + j < params.k; j++) { value[j] = load_x(at + j); }
  return value;
}
