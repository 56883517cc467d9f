// Stands behind a product in tiles: a lies transposed, as `fetch_a(start, p, row)` gives four neighbours of one place along k.

var<workgroup> tile_a: array<vec4<f32>, 256>; // 16 places along k × DOWN vectors of rows

fn bring_a(start: u32, top: u32, p: u32, lane: u32) {
  tile_a[lane] = fetch_a(start, p + lane / DOWN, top + lane % DOWN * 4u);
}

fn block_a(lane: u32, q: u32) -> mat4x4<f32> {
  let at = q * 4u * DOWN + lane / 16u;
  return transpose(mat4x4<f32>(tile_a[at], tile_a[at + DOWN], tile_a[at + 2u * DOWN], tile_a[at + 3u * DOWN]));
}
