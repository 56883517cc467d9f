// Stands behind a product in tiles: b lies transposed, as `fetch_b(start, column, p)` gives four neighbours along k.

var<workgroup> tile_b: array<vec4<f32>, 256>; // 4 vectors along k × 64 columns

fn bring_b(start: u32, left: u32, p: u32, lane: u32) {
  for (var i = lane; i < 256u; i += 16u * DOWN) {
    tile_b[i % 4u * 64u + i / 4u] = fetch_b(start, left + i / 4u, p + i % 4u * 4u);
  }
}

fn block_b(lane: u32, q: u32) -> mat4x4<f32> {
  let at = q * 64u + lane % 16u;
  return transpose(mat4x4<f32>(tile_b[at], tile_b[at + 16u], tile_b[at + 32u], tile_b[at + 48u]));
}
