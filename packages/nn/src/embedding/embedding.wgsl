// Rows of a table: y [count width] = weight[ids]. One invocation owns one element. Ids are kept inside the table, so a
// wrong one cannot reach foreign memory.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let id = u32(clamp(load_ids(i / params.width), 0, i32(params.rows) - 1));
  store_y(i, load_weight(id * params.width + i % params.width));
}
