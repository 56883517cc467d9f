// y = the activation of x (`functions.wgsl`), element by element. One invocation owns four neighbours.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (4u * i + 4u <= params.size) {
    let x = load4_x(i);
    store4_y(i, vec4<f32>(activate(x.x), activate(x.y), activate(x.z), activate(x.w)));
  } else {
    for (var j = 4u * i; j < params.size; j++) { store_y(j, activate(load_x(j))); }
  }
}
