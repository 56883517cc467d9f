// y = (x − mean) · rstd · weight + bias, row by row. One workgroup owns one row and passes over it three times: mean, then
// variance about that mean (one pass with E[x²] − E[x]² would cancel), then the result. After the first pass the row comes
// from cache. Lanes fold their f32 sums as `lanes/` says. VECTOR: the row divides by four.

override VECTOR: bool = false;

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  let quads = params.columns / 4u;
  var total = 0.0;
  if (VECTOR) {
    for (var i = lane; i < quads; i += LANES) { total += dot(load4_x(base / 4u + i), vec4<f32>(1.0)); }
  } else {
    for (var i = lane; i < params.columns; i += LANES) { total += load_x(base + i); }
  }
  let mean = fold_sum(lane, total) / f32(params.columns);
  var squares = 0.0;
  if (VECTOR) {
    for (var i = lane; i < quads; i += LANES) {
      let centred = load4_x(base / 4u + i) - mean;
      squares += dot(centred, centred);
    }
  } else {
    for (var i = lane; i < params.columns; i += LANES) {
      let centred = load_x(base + i) - mean;
      squares += centred * centred;
    }
  }
  let rstd = inverseSqrt(fold_sum(lane, squares) / f32(params.columns) + params.eps);
  if (VECTOR) {
    for (var i = lane; i < quads; i += LANES) {
      store4_y(base / 4u + i, (load4_x(base / 4u + i) - mean) * rstd * load4_weight(i) + load4_bias(i));
    }
  } else {
    for (var i = lane; i < params.columns; i += LANES) {
      store_y(base + i, (load_x(base + i) - mean) * rstd * load_weight(i) + load_bias(i));
    }
  }
  if (lane == 0u) {
    store_mean(row, mean);
    store_rstd(row, rstd);
  }
}
