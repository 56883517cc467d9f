// Stands before a kernel in which one workgroup owns one row: the entry point calls its `run(row, lane)`. Each subgroup
// folds in its registers, then every lane folds what the subgroups found: two barriers instead of one per doubling.

override LANES: u32 = 64u;

var<private> width: u32; // lanes of a subgroup
var<workgroup> partial: array<f32, LANES>;

fn fold_sum(lane: u32, value: f32) -> f32 {
  let own = subgroupAdd(value);
  if (lane % width == 0u) { partial[lane / width] = own; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i * width < LANES; i++) { total += partial[i]; }
  workgroupBarrier();
  return total;
}

fn fold_max(lane: u32, value: f32) -> f32 {
  let own = subgroupMax(value);
  if (lane % width == 0u) { partial[lane / width] = own; }
  workgroupBarrier();
  var highest = partial[0];
  for (var i = 1u; i * width < LANES; i++) { highest = max(highest, partial[i]); }
  workgroupBarrier();
  return highest;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  width = size;
  run(linear_workgroup(workgroup), lane);
}
