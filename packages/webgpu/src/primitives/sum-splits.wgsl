// y [size] = the sum over all splits of partial [splits size]. One invocation owns one element.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var total = 0.0;
  for (var split = 0u; split < params.splits; split++) { total += load_partial(split * params.size + i); }
  store_y(i, total);
}
