// y = a < b, a = b, or a and b, as 0 or 1, with NumPy's broadcasting. One invocation owns one element.

override OP: u32;
override LANES: u32 = 256u;

fn holds(a: a_value, b: a_value) -> bool {
  switch OP {
    case 0u: { return a < b; }
    case 1u: { return a == b; }
    default: { return a != a_value() && b != a_value(); }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var at_a = 0u;
  var at_b = 0u;
  var rest = i;
  for (var d = params.rank; d > 0u; d--) {
    let n = param_shape(d - 1u);
    let at = rest % n;
    rest /= n;
    at_a += at * param_a_strides(d - 1u);
    at_b += at * param_b_strides(d - 1u);
  }
  store_y(i, select(0u, 1u, holds(load_a(at_a), load_b(at_b))));
}
