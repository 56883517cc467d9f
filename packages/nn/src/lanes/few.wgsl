// Stands before a kernel in which one workgroup of 64 owns four columns of a product of few rows: the entry point calls
// its `run(group, lane)`, and each of its sums is folded over the lanes through workgroup memory by one lane.

override ROWS: u32 = 1u; // 1 to 8

var<workgroup> partial: array<f32, 256u * ROWS>; // 64 lanes × 4 columns × ROWS

// The sum over all lanes of component lane % 4 of row lane / 4, for the first 4 · ROWS lanes.
fn fold_each(lane: u32, sums: array<vec4<f32>, 8>) -> f32 {
  for (var r = 0u; r < ROWS; r++) {
    for (var j = 0u; j < 4u; j++) { partial[(r * 4u + j) * 64u + lane] = sums[r][j]; }
  }
  workgroupBarrier();
  if (lane >= ROWS * 4u) { return 0.0; }
  var total = 0.0;
  // Every lane starts elsewhere, so that they do not meet in one memory bank.
  for (var i = 0u; i < 64u; i++) { total += partial[lane * 64u + (i + lane) % 64u]; }
  return total;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  run(linear_workgroup(workgroup), lane);
}
