// y = a ∘ b with NumPy's broadcasting. One invocation owns one element and finds its operands by walking the joined
// axes; in the dense case both lie at its own index. Computes in the operands' value type: f32, i32 or u32.

override OP: u32;
override DENSE: bool = false;
override LANES: u32 = 256u;

fn apply(a: a_value, b: a_value) -> a_value {
  switch OP {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return max(a, b); }
    default: { return min(a, b); }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var at_a = i;
  var at_b = i;
  if (!DENSE) {
    at_a = 0u;
    at_b = 0u;
    var rest = i;
    for (var d = params.rank; d > 0u; d--) {
      let n = param_shape(d - 1u);
      let at = rest % n;
      rest /= n;
      at_a += at * param_a_strides(d - 1u);
      at_b += at * param_b_strides(d - 1u);
    }
  }
  store_y(i, apply(load_a(at_a), load_b(at_b)));
}
