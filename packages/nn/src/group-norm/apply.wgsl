// y = (x − mean) · scale + shift with a table [n c 3] for the channels of each image. One invocation owns four neighbours.
// VECTOR: positions divide by four.

override VECTOR: bool = false;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (linear_workgroup(workgroup) * 256u + lane) * 4u;
  if (VECTOR) {
    if (i >= params.size) { return; }
    let at = i / params.positions * 3u;
    store4_y(i / 4u, (load4_x(i / 4u) - load_table(at)) * load_table(at + 1u) + load_table(at + 2u));
  } else {
    for (var j = i; j < min(params.size, i + 4u); j++) {
      let at = j / params.positions * 3u;
      store_y(j, (load_x(j) - load_table(at)) * load_table(at + 1u) + load_table(at + 2u));
    }
  }
}
