// Stands behind a product in tiles: steps of 16 along k, as four products of 4 × 4 by 4 × 4 numbers.

const step = 16u;

fn multiply(lane: u32, before: mat4x4<f32>) -> mat4x4<f32> {
  var sums = before;
  for (var q = 0u; q < 4u; q++) { sums += block_b(lane, q) * block_a(lane, q); }
  return sums;
}
