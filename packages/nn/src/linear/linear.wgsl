// y [m n] = x [m k] · weight [n k]ᵀ + bias [n]. The naive rung: one invocation owns one element of y and walks k in order
// with an f32 accumulator. Any size, any stored type.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.m * params.n) { return; }
  let row = i / params.n;
  let column = i % params.n;
  var total = 0.0;
  for (var p = 0u; p < params.k; p++) {
    total += load_x(row * params.k + p) * load_weight(column * params.k + p);
  }
  store_y(i, total + load_bias(column));
}
