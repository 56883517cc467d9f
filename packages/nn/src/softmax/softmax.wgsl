// y = eˣ / Σ eˣ (or, with LOG, its logarithm) over each row, shifted by the row's maximum. One workgroup owns one row and
// passes over it three times: maximum, sum, result. Lanes fold in workgroup memory; sums are f32.

override LOG: bool = false;
override LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = linear_workgroup(workgroup);
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var top = params.lowest;
  for (var i = lane; i < params.columns; i += LANES) { top = max(top, load_x(base + i)); }
  partial[lane] = top;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] = max(partial[lane], partial[lane + half]); }
    workgroupBarrier();
  }
  top = partial[0];
  workgroupBarrier();
  var total = 0.0;
  for (var i = lane; i < params.columns; i += LANES) { total += exp(load_x(base + i) - top); }
  partial[lane] = total;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  total = partial[0];
  for (var i = lane; i < params.columns; i += LANES) {
    let shifted = load_x(base + i) - top;
    if (LOG) { store_y(base + i, shifted - log(total)); } else { store_y(base + i, exp(shifted) / total); }
  }
}
