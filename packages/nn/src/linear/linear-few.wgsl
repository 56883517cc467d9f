// y [m n] = x [m k] · weight [n k]ᵀ + bias [n] for few rows of x, where reading the weight once is all that counts. One
// workgroup of 64 lanes owns four rows of weight and up to eight rows of x: the lanes share out k in vectors of four, so
// every weight is read once for all rows of x, and 32 f32 sums stay in registers. At the end each sum is folded over the
// lanes through workgroup memory by one lane. More rows of x than eight become further workgroups.

override ROWS: u32 = 1u; // of x, 1 to 8
override VECTOR: bool = false;

var<workgroup> partial: array<f32, 2048>; // 64 lanes × 4 rows of weight × 8 rows of x

fn fetch_x(row: u32, p: u32) -> vec4<f32> {
  let at = row * params.k + p;
  if (VECTOR) { return load4_x(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.k) { value[j] = load_x(at + j); }
  }
  return value;
}

fn fetch_w(row: u32, p: u32) -> vec4<f32> {
  let at = row * params.k + p;
  if (VECTOR) { return load4_weight(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.k) { value[j] = load_weight(at + j); }
  }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = linear_workgroup(workgroup);
  if (group >= params.groups) { return; }
  let blocks = (params.n + 3u) / 4u;
  let column = group % blocks * 4u;
  let top = group / blocks * ROWS;
  var sums: array<vec4<f32>, 8>; // by row of x, a component for each row of weight
  for (var p = lane * 4u; p < params.k; p += 256u) {
    let w0 = fetch_w(column, p);
    let w1 = fetch_w(min(column + 1u, params.n - 1u), p);
    let w2 = fetch_w(min(column + 2u, params.n - 1u), p);
    let w3 = fetch_w(min(column + 3u, params.n - 1u), p);
    for (var r = 0u; r < ROWS; r++) {
      let x = fetch_x(min(top + r, params.m - 1u), p);
      sums[r] += vec4<f32>(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3));
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var j = 0u; j < 4u; j++) { partial[(r * 4u + j) * 64u + lane] = sums[r][j]; }
  }
  workgroupBarrier();
  if (lane >= ROWS * 4u) { return; }
  let row = top + lane / 4u;
  let at = column + lane % 4u;
  if (row >= params.m || at >= params.n) { return; }
  var total = 0.0;
  // Every lane starts elsewhere, so that they do not meet in one memory bank.
  for (var i = 0u; i < 64u; i++) { total += partial[lane * 64u + (i + lane) % 64u]; }
  store_y(row * params.n + at, total + load_bias(at));
}
