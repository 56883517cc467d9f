// y [b m n] = aᵀ b for a [b k m] and b [b k n]: what a weight receives, k then being all rows of a batch. One workgroup of
// 16 × 16 owns a tile of 64 × 64 of y, one invocation 4 × 4 of it in registers. Steps of 16 along k: every invocation brings
// four neighbours of a row of a and of b into workgroup memory, then all add outer products from there. Sums are f32.
// VECTOR: m and n divide by four.

override VECTOR: bool = false;

var<workgroup> tile_a: array<vec4<f32>, 256>; // 16 rows of k × 16 vectors along m
var<workgroup> tile_b: array<vec4<f32>, 256>; // 16 rows of k × 16 vectors along n

fn fetch_a(base: u32, p: u32, column: u32) -> vec4<f32> {
  if (p >= params.k || column >= params.m) { return vec4<f32>(); }
  let at = base + p * params.m + column;
  if (VECTOR) { return load4_a(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (column + j < params.m) { value[j] = load_a(at + j); } }
  return value;
}

fn fetch_b(base: u32, p: u32, column: u32) -> vec4<f32> {
  if (p >= params.k || column >= params.n) { return vec4<f32>(); }
  let at = base + p * params.n + column;
  if (VECTOR) { return load4_b(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (column + j < params.n) { value[j] = load_b(at + j); } }
  return value;
}

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
  let batch = tile / (columns * rows);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = 0u; first < params.k; first += 16u) {
    tile_a[lane] = fetch_a(batch * params.a_step, first + local.y, top + local.x * 4u);
    tile_b[lane] = fetch_b(batch * params.b_step, first + local.y, left + local.x * 4u);
    workgroupBarrier();
    for (var p = 0u; p < 16u; p++) {
      let a = tile_a[p * 16u + local.y];
      let b = tile_b[p * 16u + local.x];
      sum0 += a.x * b;
      sum1 += a.y * b;
      sum2 += a.z * b;
      sum3 += a.w * b;
    }
    workgroupBarrier();
  }
  let column = left + local.x * 4u;
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.m || column >= params.n) { continue; }
    let at = (batch * params.m + row) * params.n + column;
    if (VECTOR) {
      store4_y(at / 4u, sums[r]);
    } else {
      for (var j = 0u; j < 4u; j++) { if (column + j < params.n) { store_y(at + j, sums[r][j]); } }
    }
  }
}
