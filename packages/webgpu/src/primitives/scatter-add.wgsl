// Adds updates [outer count inner] to the rows of y [outer n inner] named by indices [count]; y starts out as x. One
// invocation owns one column (outer, inner) and walks the indices in order, so equal indices add up without atomics and
// always in the same order.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let column = linear_workgroup(workgroup) * LANES + lane;
  if (column >= params.columns) { return; }
  let inner = column % params.inner;
  let outer = column / params.inner;
  for (var i = 0u; i < params.count; i++) {
    let index = u32(clamp(load_indices(i), 0, i32(params.n) - 1));
    let at = (outer * params.n + index) * params.inner + inner;
    store_y(at, load_y(at) + load_updates((outer * params.count + i) * params.inner + inner));
  }
}
