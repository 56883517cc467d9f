// y = a b for a [… m k] and b [… k n], leading axes broadcast. The naive rung: one invocation owns one element of y and
// walks k in order with an f32 accumulator. Any size, any stored type.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let column = i % params.n;
  let row = i / params.n % params.m;
  var rest = i / (params.n * params.m);
  var at_a = row * params.k;
  var at_b = column;
  for (var d = params.rank; d > 0u; d--) {
    let n = param_shape(d - 1u);
    at_a += (rest % n) * param_a_strides(d - 1u);
    at_b += (rest % n) * param_b_strides(d - 1u);
    rest /= n;
  }
  var total = y_value();
  for (var p = 0u; p < params.k; p++) {
    total += load_a(at_a) * load_b(at_b);
    at_a += 1u;
    at_b += params.n;
  }
  store_y(i, total);
}
