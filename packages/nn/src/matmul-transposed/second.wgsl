// y [b m n] = a bᵀ for a [b m k] and b [b n k]. One workgroup of 16 × 16 owns a tile of 64 × 64 of y, one invocation 4 rows and
// 4 columns of it in registers. Steps of 16 along k: every invocation brings four neighbours of a row of a and of a row of b
// into workgroup memory, laid out so that neighbouring lanes read neighbouring vectors; then all multiply from there. Sums
// are f32. VECTOR: k divides by four.

override VECTOR: bool = false;

var<workgroup> tile_a: array<vec4<f32>, 256>; // 4 vectors along k × 64 rows of a
var<workgroup> tile_b: array<vec4<f32>, 256>; // 4 vectors along k × 64 rows of b

fn fetch_a(base: u32, row: u32, p: u32) -> vec4<f32> {
  if (row >= params.m || p >= params.k) { return vec4<f32>(); }
  let at = base + row * params.k + p;
  if (VECTOR) { return load4_a(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (p + j < params.k) { value[j] = load_a(at + j); } }
  return value;
}

fn fetch_b(base: u32, row: u32, p: u32) -> vec4<f32> {
  if (row >= params.n || p >= params.k) { return vec4<f32>(); }
  let at = base + row * params.k + p;
  if (VECTOR) { return load4_b(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (p + j < params.k) { value[j] = load_b(at + j); } }
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
  let line = lane / 4u;
  let part = lane % 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = 0u; first < params.k; first += 16u) {
    tile_a[part * 64u + line] = fetch_a(batch * params.a_step, top + line, first + part * 4u);
    tile_b[part * 64u + line] = fetch_b(batch * params.b_step, left + line, first + part * 4u);
    workgroupBarrier();
    for (var q = 0u; q < 4u; q++) {
      let b0 = tile_b[q * 64u + local.x];
      let b1 = tile_b[q * 64u + local.x + 16u];
      let b2 = tile_b[q * 64u + local.x + 32u];
      let b3 = tile_b[q * 64u + local.x + 48u];
      let a0 = tile_a[q * 64u + local.y * 4u];
      let a1 = tile_a[q * 64u + local.y * 4u + 1u];
      let a2 = tile_a[q * 64u + local.y * 4u + 2u];
      let a3 = tile_a[q * 64u + local.y * 4u + 3u];
      sum0 += vec4<f32>(dot(a0, b0), dot(a0, b1), dot(a0, b2), dot(a0, b3));
      sum1 += vec4<f32>(dot(a1, b0), dot(a1, b1), dot(a1, b2), dot(a1, b3));
      sum2 += vec4<f32>(dot(a2, b0), dot(a2, b1), dot(a2, b2), dot(a2, b3));
      sum3 += vec4<f32>(dot(a3, b0), dot(a3, b1), dot(a3, b2), dot(a3, b3));
    }
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.m) { continue; }
    for (var j = 0u; j < 4u; j++) {
      let column = left + local.x + j * 16u;
      if (column < params.n) { store_y((batch * params.m + row) * params.n + column, sums[r][j]); }
    }
  }
}
