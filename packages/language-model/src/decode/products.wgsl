// Few rows of x [m k] against weights [n k], with what stands before and after it in a decoding step: RMS norm of x, one to
// three weights that share it or have rows of their own, SiLU gating, a factor, a residual. One workgroup of 64 lanes owns four rows of one weight (of two, when
// gated) and all rows of x, eight at most: the lanes share out k, so every weight is read once, and the sums stay in
// registers in f32. A row's mean square is summed along the way and divided out at the end. `accumulate` comes from
// `products-plain.wgsl` or `products-codes.wgsl`, which know how weights are stored.

override ROWS: u32 = 1u; // of x, 1 to 8
override VECTOR: bool = false; // k divides by four
override GATED: bool = false; // y = silu(x · weight0ᵀ) · (x · weight1ᵀ)

var<workgroup> partial: array<f32, 320u * ROWS>; // 64 lanes × rows of x × (4 rows of weight + squares); pages fill it with zeros first
var<private> sums: array<vec4<f32>, 8>; // by row of x, a component for each row of weight
var<private> squares: array<f32, 8>;
var<private> x_start: u32; // where the rows of x begin that belong to the weight

fn fetch_x(row: u32, p: u32) -> vec4<f32> {
  if (p >= params.k) { return vec4<f32>(); }
  let at = x_start + row * params.k + p;
  if (VECTOR) { return load4_x(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.k) { value[j] = load_x(at + j); }
  }
  return value;
}

// Elements p to p + 3 of a row, multiplied by the norm's gain.
fn input_at(row: u32, p: u32) -> vec4<f32> {
  var x = fetch_x(row, p);
  if (has_gain && p < params.k) {
    squares[row] += dot(x, x);
    if (VECTOR) { return x * load4_gain(p / 4u); }
    for (var j = 0u; j < 4u; j++) {
      if (p + j < params.k) { x[j] *= load_gain(p + j); }
    }
  }
  return x;
}

fn products(which: u32, column: u32, lane: u32) {
  for (var r = 0u; r < ROWS; r++) {
    sums[r] = vec4<f32>();
    squares[r] = 0.0;
  }
  accumulate(which, min(vec4<u32>(column, column + 1u, column + 2u, column + 3u), vec4<u32>(params.n - 1u)), lane);
  for (var r = 0u; r < ROWS; r++) {
    for (var j = 0u; j < 4u; j++) { partial[(r * 5u + j) * 64u + lane] = sums[r][j]; }
    partial[(r * 5u + 4u) * 64u + lane] = squares[r];
  }
  workgroupBarrier();
}

// Every lane starts elsewhere, so that they do not meet in one memory bank.
fn fold(slot: u32, lane: u32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < 64u; i++) { total += partial[slot * 64u + (i + lane) % 64u]; }
  return total;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let block = linear_workgroup(workgroup);
  let blocks = (params.n + 3u) / 4u;
  if (block >= blocks * params.weights) { return; }
  let which = block / blocks;
  let column = block % blocks * 4u;
  x_start = which * params.x_set;
  let row = lane / 4u;
  let own = column + lane % 4u;
  let writes = row < ROWS && own < params.n;
  var value = 0.0;
  for (var turn = 0u; turn < select(1u, 2u, GATED); turn++) {
    products(which + turn, column, lane);
    if (writes) {
      var total = fold(row * 5u + lane % 4u, lane);
      if (has_gain) { total *= inverseSqrt(fold(row * 5u + 4u, lane) / f32(params.k) + params.eps); }
      if (turn == 0u) { value = total; } else { value *= total / (1.0 + exp(-value)); }
    }
    workgroupBarrier();
  }
  if (!writes) { return; }
  let at = row * params.n + own;
  if (has_factor) { value *= load_factor(0u); }
  store_y(which * ROWS * params.n + at, value + load_residual(which * params.residual_set + at));
}
