// Stands before the tiles of a gated product: gates have a weight [n k] of their own, stored as floats.

fn fetch_gate(row: u32, p: u32) -> vec4<f32> {
  if (p >= params.k) { return vec4<f32>(); }
  let at = row * params.k + p;
  if (VECTOR) { return load4_gate(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && p + j < params.k; j++) { value[j] = load_gate(at + j); }
  return value;
}

fn gate_bias(row: u32) -> f32 { return load_gateBias(row); }
