// y = x · rstd · weight with rstd = 1/√(mean(x²) + eps), row by row. One workgroup owns one row and passes over it twice:
// squares, then the result. Lanes fold their f32 sums pairwise in workgroup memory. VECTOR: the row divides by four.

override VECTOR: bool = false;
override LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = linear_workgroup(workgroup);
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  let quads = params.columns / 4u;
  var squares = 0.0;
  if (VECTOR) {
    for (var i = lane; i < quads; i += LANES) {
      let x = load4_x(base / 4u + i);
      squares += dot(x, x);
    }
  } else {
    for (var i = lane; i < params.columns; i += LANES) {
      let x = load_x(base + i);
      squares += x * x;
    }
  }
  partial[lane] = squares;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let rstd = inverseSqrt(partial[0] / f32(params.columns) + params.eps);
  if (VECTOR) {
    for (var i = lane; i < quads; i += LANES) {
      store4_y(base / 4u + i, load4_x(base / 4u + i) * rstd * load4_weight(i));
    }
  } else {
    for (var i = lane; i < params.columns; i += LANES) {
      store_y(base + i, load_x(base + i) * rstd * load_weight(i));
    }
  }
  if (lane == 0u) { store_rstd(row, rstd); }
}
