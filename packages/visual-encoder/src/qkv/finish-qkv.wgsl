// Stands before a kernel of a product: queries and values get their biases, keys have none.

fn finish(value: f32, row: u32, column: u32) -> f32 {
  let third = params.n / 3u;
  if (column < third) { return value + load_qBias(column); }
  if (column < 2u * third) { return value; }
  return value + load_vBias(column - 2u * third);
}
