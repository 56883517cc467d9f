// dx of a layer norm, row by row: with x̂ = (x − mean) · rstd and g = dy · weight, dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)).
// A norm without mean (RMS) lacks the term mean(g). One workgroup owns one row and passes over it twice, four elements at a
// time; lanes fold as `lanes/` says. VECTOR: the row divides by four.

override VECTOR: bool = false;

fn fetch_dy(base: u32, at: u32) -> vec4<f32> {
  if (VECTOR) { return load4_dy((base + at) / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (at + j < params.columns) { value[j] = load_dy(base + at + j); } }
  return value;
}

fn fetch_x(base: u32, at: u32) -> vec4<f32> {
  if (VECTOR) { return load4_x((base + at) / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (at + j < params.columns) { value[j] = load_x(base + at + j); } }
  return value;
}

fn fetch_weight(at: u32) -> vec4<f32> {
  if (VECTOR) { return load4_weight(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (at + j < params.columns) { value[j] = load_weight(at + j); } }
  return value;
}

fn run(row: u32, lane: u32) {
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  let mean = load_mean(row);
  let rstd = load_rstd(row);
  var level = 0.0;
  var slope = 0.0;
  for (var i = lane * 4u; i < params.columns; i += LANES * 4u) {
    let g = fetch_dy(base, i) * fetch_weight(i);
    level += dot(g, vec4<f32>(1.0));
    slope += dot(g, (fetch_x(base, i) - mean) * rstd);
  }
  slope = fold_sum(lane, slope) / f32(params.columns);
  if (has_mean) { level = fold_sum(lane, level) / f32(params.columns); } else { level = 0.0; }
  for (var i = lane * 4u; i < params.columns; i += LANES * 4u) {
    let g = fetch_dy(base, i) * fetch_weight(i);
    let dx = rstd * (g - level - (fetch_x(base, i) - mean) * rstd * slope);
    if (VECTOR) {
      store4_dx((base + i) / 4u, dx);
    } else {
      for (var j = 0u; j < 4u; j++) { if (i + j < params.columns) { store_dx(base + i + j, dx[j]); } }
    }
  }
}
