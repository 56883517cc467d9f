// A gradient of a convolution as an implicit matrix product: y [batch rows columns] = a · b, whose operands are gathered by
// `fetch_a` and `fetch_b` of the text before this one. One workgroup of 16 × 16 owns a tile of 64 × 64 of y, one invocation
// 4 × 4 of it in registers. Steps of 16 along the inner dimension: four inner neighbours of a row of a, and four columns of an
// inner row of b, go into workgroup memory; then all multiply from there. Sums are f32. Where there are few tiles and the inner
// dimension is long, it is split over several workgroups (`span` each), y is a list of partial results, and another pass adds
// them up.

var<workgroup> tile_a: array<vec4<f32>, 256>; // 64 rows × 4 vectors of the inner dimension
var<workgroup> tile_b: array<vec4<f32>, 256>; // 16 inner rows × 16 vectors of columns

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let across = (params.columns + 63u) / 64u;
  let down = (params.rows + 63u) / 64u;
  let left = tile % across * 64u;
  let top = tile / across % down * 64u;
  let image = tile / (across * down) % params.batch;
  let split = tile / (across * down * params.batch);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = split * params.span; first < min(params.inner, (split + 1u) * params.span); first += 16u) {
    tile_a[lane] = fetch_a(top + lane / 4u, first + lane % 4u * 4u);
    tile_b[lane] = fetch_b(image, first + local.y, left + local.x * 4u);
    workgroupBarrier();
    for (var q = 0u; q < 4u; q++) {
      let a0 = tile_a[local.y * 16u + q];
      let a1 = tile_a[local.y * 16u + 4u + q];
      let a2 = tile_a[local.y * 16u + 8u + q];
      let a3 = tile_a[local.y * 16u + 12u + q];
      let b0 = tile_b[q * 64u + local.x];
      let b1 = tile_b[q * 64u + 16u + local.x];
      let b2 = tile_b[q * 64u + 32u + local.x];
      let b3 = tile_b[q * 64u + 48u + local.x];
      sum0 += a0.x * b0 + a0.y * b1 + a0.z * b2 + a0.w * b3;
      sum1 += a1.x * b0 + a1.y * b1 + a1.z * b2 + a1.w * b3;
      sum2 += a2.x * b0 + a2.y * b1 + a2.z * b2 + a2.w * b3;
      sum3 += a3.x * b0 + a3.y * b1 + a3.z * b2 + a3.w * b3;
    }
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.rows) { continue; }
    let base = ((split * params.batch + image) * params.rows + row) * params.columns;
    for (var j = 0u; j < 4u; j++) {
      let column = left + local.x * 4u + j;
      if (column < params.columns) { store_y(base + column, sums[r][j]); }
    }
  }
}
