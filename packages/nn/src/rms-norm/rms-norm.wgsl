// y = x · rstd · weight with rstd = 1/√(mean(x²) + eps), row by row. One workgroup owns one row and passes over it twice:
// squares, then the result. Lanes fold their f32 sums as `lanes/` says. VECTOR: the row divides by four.

override VECTOR: bool = false;

fn run(row: u32, lane: u32) {
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
  let rstd = inverseSqrt(fold_sum(lane, squares) / f32(params.columns) + params.eps);
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
