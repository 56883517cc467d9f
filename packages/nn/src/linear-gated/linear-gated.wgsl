// y [m n] = value · activation(gate) with [value gate] = x [m k] · weight [2n k]ᵀ + bias [2n]. As `linear-tiled`, but the 64
// columns of a tile are 32 values and the 32 gates that belong to them: an invocation holds two of each for its four rows,
// and what is between the products is never written.

var<workgroup> tile_x: array<vec4<f32>, 256>; // 4 vectors along k × 64 rows of x
var<workgroup> tile_w: array<vec4<f32>, 256>; // 4 vectors along k × 32 rows of values, then 32 of gates

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let half = params.n / 2u;
  let columns = (half + 31u) / 32u;
  let left = tile % columns * 32u;
  let top = tile / columns * 64u;
  let line = lane / 4u;
  let part = lane % 4u;
  // Columns past the last read rows of gates as values, or past the end; nobody stores what comes of it.
  let row_of_w = select(left + line, half + left + line - 32u, line >= 32u);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = 0u; first < params.k; first += 16u) {
    tile_x[part * 64u + line] = fetch_x(top + line, first + part * 4u);
    tile_w[part * 64u + line] = fetch_w(row_of_w, first + part * 4u);
    workgroupBarrier();
    for (var q = 0u; q < 4u; q++) {
      let w0 = tile_w[q * 64u + local.x];
      let w1 = tile_w[q * 64u + local.x + 16u];
      let w2 = tile_w[q * 64u + local.x + 32u];
      let w3 = tile_w[q * 64u + local.x + 48u];
      let x0 = tile_x[q * 64u + local.y * 4u];
      let x1 = tile_x[q * 64u + local.y * 4u + 1u];
      let x2 = tile_x[q * 64u + local.y * 4u + 2u];
      let x3 = tile_x[q * 64u + local.y * 4u + 3u];
      sum0 += vec4<f32>(dot(x0, w0), dot(x0, w1), dot(x0, w2), dot(x0, w3));
      sum1 += vec4<f32>(dot(x1, w0), dot(x1, w1), dot(x1, w2), dot(x1, w3));
      sum2 += vec4<f32>(dot(x2, w0), dot(x2, w1), dot(x2, w2), dot(x2, w3));
      sum3 += vec4<f32>(dot(x3, w0), dot(x3, w1), dot(x3, w2), dot(x3, w3));
    }
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.m) { continue; }
    for (var j = 0u; j < 2u; j++) {
      let column = left + local.x + j * 16u;
      if (column >= half) { continue; }
      let value = sums[r][j] + load_bias(column);
      let gate = sums[r][j + 2u] + load_bias(half + column);
      store_y(row * half + column, value * activate(gate));
    }
  }
}
