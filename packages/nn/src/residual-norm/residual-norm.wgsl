// y = norm(sum) for sum = the sum over all splits of addends [splits rows columns] + bias + residual, row by row: what was left to
// do of a product, the residual stream, and the norm that reads it. One workgroup owns one row. Every lane adds up its own
// elements once and keeps them in workgroup memory, where it alone reads them, so no barrier is needed but those of the
// folds (`lanes/`); variance is taken about the mean. CENTRED: a layer norm; else there is neither mean nor shift (RMS).

override COLUMNS: u32;
override CENTRED: bool = false;

var<workgroup> line: array<f32, COLUMNS>;

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var total = 0.0;
  for (var i = lane; i < params.columns; i += LANES) {
    var value = load_bias(i) + load_residual(base + i);
    for (var split = 0u; split < params.splits; split++) {
      value += load_addends(split * params.rows * params.columns + base + i);
    }
    line[i] = value;
    store_sum(base + i, value);
    total += value;
  }
  var mean = 0.0;
  if (CENTRED) { mean = fold_sum(lane, total) / f32(params.columns); }
  var squares = 0.0;
  for (var i = lane; i < params.columns; i += LANES) { squares += (line[i] - mean) * (line[i] - mean); }
  let rstd = inverseSqrt(fold_sum(lane, squares) / f32(params.columns) + params.eps);
  for (var i = lane; i < params.columns; i += LANES) {
    store_y(base + i, (line[i] - mean) * rstd * load_gain(i) + load_shift(i));
  }
  if (lane == 0u) {
    store_mean(row, mean);
    store_rstd(row, rstd);
  }
}
