// y = a b for a [… m k] and b [… k n], leading axes broadcast. One workgroup of 16 × 16 owns a tile of 64 × 64 of y, one
// invocation 4 rows × 4 columns of it in registers. Steps of 16 along k: every invocation brings four neighbours of a row
// of a and of b into workgroup memory, then all multiply from there. With VECTOR both are one 16-byte load (k and n
// divide by four); without it four checked loads. Sums are f32.

override VECTOR: bool = false;

var<workgroup> tile_a: array<vec4<f32>, 256>; // 64 rows × 4 vectors along k
var<workgroup> tile_b: array<vec4<f32>, 256>; // 16 rows of k × 16 vectors along n

fn fetch_a(base: u32, row: u32, p: u32) -> vec4<f32> {
  if (row >= params.m || p >= params.k) { return vec4<f32>(); }
  let at = base + row * params.k + p;
  if (VECTOR) { return load4_a(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.k) { value[j] = load_a(at + j); }
  }
  return value;
}

fn fetch_b(base: u32, p: u32, column: u32) -> vec4<f32> {
  if (p >= params.k || column >= params.n) { return vec4<f32>(); }
  let at = base + p * params.n + column;
  if (VECTOR) { return load4_b(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (column + j < params.n) { value[j] = load_b(at + j); }
  }
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
  var base_a = 0u;
  var base_b = 0u;
  var rest = batch;
  for (var d = params.rank; d > 0u; d--) {
    let n = param_shape(d - 1u);
    base_a += (rest % n) * param_a_strides(d - 1u);
    base_b += (rest % n) * param_b_strides(d - 1u);
    rest /= n;
  }
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var step = 0u; step < params.k; step += 16u) {
    tile_a[lane] = fetch_a(base_a, top + lane / 4u, step + lane % 4u * 4u);
    tile_b[lane] = fetch_b(base_b, step + local.y, left + local.x * 4u);
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
  let column = left + local.x * 4u;
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.m || column >= params.n) { continue; }
    let at = (batch * params.m + row) * params.n + column;
    if (VECTOR) {
      store4_y(at / 4u, sums[r]);
    } else {
      for (var j = 0u; j < 4u; j++) {
        if (column + j < params.n) { store_y(at + j, sums[r][j]); }
      }
    }
  }
}
