// y = x in another element type. One invocation owns one element. Floats become integers by dropping the fraction, and
// bool by asking whether they differ from zero.

override TO_BOOL: bool = false;
override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let x = load_x(i);
  if (TO_BOOL) { store_y(i, y_value(select(0u, 1u, x != x_value()))); } else { store_y(i, y_value(x)); }
}
