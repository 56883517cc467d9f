// Stands before a kernel of a product: what becomes of each sum.

fn finish(value: f32, row: u32, column: u32) -> f32 {
  return value + load_bias(column);
}
