// nll = logsumexp − logits[label] and the logsumexp, row by row. One workgroup owns one row and passes over it twice: maximum,
// then sum. Lanes fold as `lanes/` says. A label outside the row selects nothing.

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var top = params.lowest;
  for (var i = lane; i < params.columns; i += LANES) { top = max(top, load_logits(base + i)); }
  top = fold_max(lane, top);
  var total = 0.0;
  for (var i = lane; i < params.columns; i += LANES) { total += exp(load_logits(base + i) - top); }
  total = fold_sum(lane, total);
  if (lane != 0u) { return; }
  let logsumexp = top + log(total);
  let label = load_labels(row);
  var chosen = 0.0;
  if (label >= 0 && label < i32(params.columns)) { chosen = load_logits(base + u32(label)); }
  store_nll(row, logsumexp - chosen);
  store_logsumexp(row, logsumexp);
}
