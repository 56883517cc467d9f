// Stands before a kernel in which one workgroup owns one row: the entry point calls its `run(row, lane)`, and the lanes
// fold sums and maxima pairwise in workgroup memory.

override LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

fn fold_sum(lane: u32, value: f32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return total;
}

fn fold_max(lane: u32, value: f32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] = max(partial[lane], partial[lane + half]); }
    workgroupBarrier();
  }
  let highest = partial[0];
  workgroupBarrier();
  return highest;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  run(linear_workgroup(workgroup), lane);
}
