// Stands behind a product in tiles of matrices as they lie: lines of `width_a` and `width_b` elements, four of them at a time, zero
// beyond the edges, and y [sheets m n]. VECTOR: all their widths divide by four.

override VECTOR: bool = false;

fn fetch_a(start: u32, line: u32, at: u32) -> vec4<f32> {
  if (line >= params.lines_a || at >= params.width_a) { return vec4<f32>(); }
  let first = start + line * params.width_a + at;
  if (VECTOR) { return load4_a(first / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && at + j < params.width_a; j++) { value[j] = load_a(first + j); }
  return value;
}

fn fetch_b(start: u32, line: u32, at: u32) -> vec4<f32> {
  if (line >= params.lines_b || at >= params.width_b) { return vec4<f32>(); }
  let first = start + line * params.width_b + at;
  if (VECTOR) { return load4_b(first / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && at + j < params.width_b; j++) { value[j] = load_b(first + j); }
  return value;
}
