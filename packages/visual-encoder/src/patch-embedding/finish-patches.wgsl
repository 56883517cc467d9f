// Stands before a kernel of a product: a token gets its position, and the first of each picture is that of the whole.

fn finish(value: f32, row: u32, column: u32) -> f32 {
  let token = row % params.tokens;
  let position = load_positions(token * params.n + column);
  if (token == 0u) { return load_whole(column) + position; }
  return value + load_bias(column) + position;
}
