// y = condition ? a : b with NumPy's broadcasting of all three. One invocation owns one element.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var at_condition = 0u;
  var at_a = 0u;
  var at_b = 0u;
  var rest = i;
  for (var d = params.rank; d > 0u; d--) {
    let n = param_shape(d - 1u);
    let at = rest % n;
    rest /= n;
    at_condition += at * param_condition_strides(d - 1u);
    at_a += at * param_a_strides(d - 1u);
    at_b += at * param_b_strides(d - 1u);
  }
  if (load_condition(at_condition) != 0u) { store_y(i, load_a(at_a)); } else { store_y(i, load_b(at_b)); }
}
