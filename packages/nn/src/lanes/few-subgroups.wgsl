// Stands before a kernel in which one workgroup of 64 owns four columns of a product of few rows: the entry point calls
// its `run(group, lane)`. Each of its sums is folded within a subgroup in registers, then over the subgroups by one lane.

override ROWS: u32 = 1u; // 1 to 8

var<private> width: u32; // lanes of a subgroup
var<workgroup> partial: array<vec4<f32>, 16u * ROWS>; // subgroups, at most 16, × ROWS

// The sum over all lanes of component lane % 4 of row lane / 4, for the first 4 · ROWS lanes.
fn fold_each(lane: u32, sums: array<vec4<f32>, 8>) -> f32 {
  for (var r = 0u; r < ROWS; r++) {
    let own = subgroupAdd(sums[r]);
    if (lane % width == 0u) { partial[lane / width * ROWS + r] = own; }
  }
  workgroupBarrier();
  if (lane >= ROWS * 4u) { return 0.0; }
  var total = 0.0;
  for (var i = 0u; i * width < 64u; i++) { total += partial[i * ROWS + lane / 4u][lane % 4u]; }
  return total;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  width = size;
  run(linear_workgroup(workgroup), lane);
}
