// Stands behind a product in tiles: rows of b across k, as `fetch_b(start, p, column)` gives four neighbours of one.

var<workgroup> tile_b: array<vec4<f32>, 256>; // 16 places along k × 16 vectors of columns

fn bring_b(start: u32, left: u32, p: u32, lane: u32) {
  for (var i = lane; i < 256u; i += 16u * DOWN) { tile_b[i] = fetch_b(start, p + i / 16u, left + i % 16u * 4u); }
}

fn block_b(lane: u32, q: u32) -> mat4x4<f32> {
  let at = q * 64u + lane % 16u;
  return mat4x4<f32>(tile_b[at], tile_b[at + 16u], tile_b[at + 32u], tile_b[at + 48u]);
}
