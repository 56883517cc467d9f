// The index of the largest element along one axis, x as [outer n inner]; the first of equals. One workgroup owns one
// result: each lane walks every LANES-th element, then the lanes are compared pairwise, lower indices winning ties.

override LANES: u32 = 64u;

var<workgroup> values: array<x_value, LANES>;
var<workgroup> indices: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup);
  if (i >= params.size) { return; }
  let base = (i / params.inner) * params.n * params.inner + i % params.inner;
  var best = min(lane, params.n - 1u);
  var value = load_x(base + best * params.inner);
  for (var j = lane + LANES; j < params.n; j += LANES) {
    let x = load_x(base + j * params.inner);
    if (x > value) {
      value = x;
      best = j;
    }
  }
  values[lane] = value;
  indices[lane] = best;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = values[lane + half];
      let index = indices[lane + half];
      if (other > values[lane] || (other == values[lane] && index < indices[lane])) {
        values[lane] = other;
        indices[lane] = index;
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { store_y(i, i32(indices[0])); }
}
