// y = eˣ / Σ eˣ (or, with LOG, its logarithm) over each row, shifted by the row's maximum. One workgroup owns one row and
// passes over it three times: maximum, sum, result. Lanes fold as `lanes/` says; sums are f32.

override LOG: bool = false;

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var top = params.lowest;
  for (var i = lane; i < params.columns; i += LANES) { top = max(top, load_x(base + i)); }
  top = fold_max(lane, top);
  var total = 0.0;
  for (var i = lane; i < params.columns; i += LANES) { total += exp(load_x(base + i) - top); }
  total = fold_sum(lane, total);
  for (var i = lane; i < params.columns; i += LANES) {
    let shifted = load_x(base + i) - top;
    if (LOG) { store_y(base + i, shifted - log(total)); } else { store_y(base + i, exp(shifted) / total); }
  }
}
