// y = a ∘ b where each operand has the shape of y or is a single number, and the size divides by four. One invocation
// owns four neighbouring elements: one 16-byte load per operand.

override OP: u32;
override A_SINGLE: bool = false;
override B_SINGLE: bool = false;
override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var a: vec4<a_value>;
  var b: vec4<a_value>;
  if (A_SINGLE) { a = vec4<a_value>(load_a(0u)); } else { a = load4_a(i); }
  if (B_SINGLE) { b = vec4<a_value>(load_b(0u)); } else { b = load4_b(i); }
  var y: vec4<a_value>;
  switch OP {
    case 0u: { y = a + b; }
    case 1u: { y = a - b; }
    case 2u: { y = a * b; }
    case 3u: { y = a / b; }
    case 4u: { y = max(a, b); }
    default: { y = min(a, b); }
  }
  store4_y(i, y);
}
