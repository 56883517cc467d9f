// What Σ eˣ over the vocabulary is made of: the maximum m of a stretch of logits and Σ eˣ⁻ᵐ. One workgroup of 256 owns one
// stretch of SPAN tokens of one row, so that a few rows of logits fill a device. Sums are f32.

override SPAN: u32;

const lanes = 256u;
const lowest = -3.4e38;

var<workgroup> values: array<f32, lanes>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let id = linear_workgroup(workgroup); // (row, stretch)
  if (id >= params.rows * params.stretches) { return; }
  let row = id / params.stretches;
  let start = id % params.stretches * SPAN;
  let end = min(start + SPAN, params.v);
  var top = lowest;
  for (var i = start + lane; i < end; i += lanes) { top = max(top, load_logits(row * params.v + i)); }
  values[lane] = top;
  workgroupBarrier();
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    if (lane < half) { values[lane] = max(values[lane], values[lane + half]); }
    workgroupBarrier();
  }
  top = values[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var i = start + lane; i < end; i += lanes) { sum += exp(load_logits(row * params.v + i) - top); }
  values[lane] = sum;
  workgroupBarrier();
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    if (lane < half) { values[lane] += values[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) {
    store_totals(id * 2u, top);
    store_totals(id * 2u + 1u, values[0]);
  }
}
