// y [m n] = the sum over all splits of partial [splits m n], plus bias [n]. One invocation owns one element.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 256u + lane;
  if (i >= params.size) { return; }
  var total = load_bias(i % params.n);
  for (var split = 0u; split < params.splits; split++) { total += load_partial(split * params.size + i); }
  store_y(i, total);
}
