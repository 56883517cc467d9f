// Stands behind a product in tiles: rows of a along k, as `fetch_a(start, row, p)` gives four neighbours of one.

var<workgroup> tile_a: array<vec4<f32>, 256>; // 4 · DOWN rows × 4 vectors along k

fn bring_a(start: u32, top: u32, p: u32, lane: u32) {
  tile_a[lane] = fetch_a(start, top + lane / 4u, p + lane % 4u * 4u);
}

fn block_a(lane: u32, q: u32) -> mat4x4<f32> {
  let at = lane / 16u * 16u + q;
  return mat4x4<f32>(tile_a[at], tile_a[at + 4u], tile_a[at + 8u], tile_a[at + 12u]);
}
