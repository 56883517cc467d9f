// dx = y · (dy − Σ dy · y) over each row. One workgroup owns one row and passes over it twice; lanes fold as `lanes/` says.

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var total = 0.0;
  for (var i = lane; i < params.columns; i += LANES) { total += load_dy(base + i) * load_y(base + i); }
  total = fold_sum(lane, total);
  for (var i = lane; i < params.columns; i += LANES) {
    store_dx(base + i, load_y(base + i) * (load_dy(base + i) - total));
  }
}
