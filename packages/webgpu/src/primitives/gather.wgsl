// y [outer count inner] = rows of x [outer n inner] named by indices [count]. One invocation owns one element. Indices are
// kept inside the axis, so a wrong one cannot reach foreign memory.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let inner = i % params.inner;
  let row = i / params.inner;
  let index = u32(clamp(load_indices(row % params.count), 0, i32(params.n) - 1));
  store_y(i, load_x((row / params.count * params.n + index) * params.inner + inner));
}
