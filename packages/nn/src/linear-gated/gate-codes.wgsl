// Stands before the tiles of a gated product: gates have a weight [n k] of their own, stored as codes like that of the values.

fn fetch_gate(row: u32, p: u32) -> vec4<f32> {
  if (p >= params.k) { return vec4<f32>(); }
  return weight_of(gateCodes[word_of(row, p)], p, load_gateScales(row * params.groups + p / 32u));
}

fn gate_bias(row: u32) -> f32 { return load_gateBias(row); }
