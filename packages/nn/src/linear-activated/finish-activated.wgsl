// Stands before a kernel of a product: what becomes of each sum, with the activation of `activations/`.

fn finish(value: f32, row: u32, column: u32) -> f32 {
  return activate(value + load_bias(column)) + load_residual(row * params.n + column);
}
