// y = the sum over all splits of partial [splits n o positions], finished and placed as `finish` says. One invocation owns one
// element.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 256u + lane;
  if (i >= params.size) { return; }
  var total = 0.0;
  for (var split = 0u; split < params.splits; split++) { total += load_partial(split * params.size + i); }
  let plane = i / params.n;
  let image = plane / params.m;
  let channel = plane % params.m;
  let position = i % params.n;
  store_y(place(image, channel, position), finish(total, image, channel, position));
}
