// y [m n] = x [m k] · weight [n k]ᵀ + bias [n]. One workgroup of 16 × 16 owns a tile of 64 × 64 of y, one invocation 4 rows
// and 4 columns of it in registers. Steps of 16 along k: every invocation brings four neighbours of a row of x and of a
// row of weight into workgroup memory, laid out so that neighbouring lanes read neighbouring vectors; then all multiply
// from there. Sums are f32 and are finished as `finish` says. Where there are few tiles and k is long, k is split over several
// workgroups (`span` each), y is a list of partial results, and another pass adds them up.

var<workgroup> tile_x: array<vec4<f32>, 256>; // 4 vectors along k × 64 rows of x
var<workgroup> tile_w: array<vec4<f32>, 256>; // 4 vectors along k × 64 rows of weight

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let columns = (params.n + 63u) / 64u;
  let rows = (params.m + 63u) / 64u;
  let left = tile % columns * 64u;
  let top = tile / columns % rows * 64u;
  let split = tile / (columns * rows);
  let line = lane / 4u;
  let part = lane % 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = split * params.span; first < min(params.k, (split + 1u) * params.span); first += 16u) {
    tile_x[part * 64u + line] = fetch_x(top + line, first + part * 4u);
    tile_w[part * 64u + line] = fetch_w(left + line, first + part * 4u);
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
    for (var j = 0u; j < 4u; j++) {
      let column = left + local.x + j * 16u;
      if (column < params.n) { store_y((split * params.m + row) * params.n + column, finish(sums[r][j], row, column)); }
    }
  }
}
