// y = each element's index along one axis. One invocation owns one element.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i < params.size) { store_y(i, y_value((i / params.inner) % params.count)); }
}
