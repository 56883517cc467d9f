// Rotates element i of a head with element i + d/2 by its position's angle, x [b h t d]. One invocation owns one pair, and
// so reads and writes each element once. f32 throughout.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let pair = linear_workgroup(workgroup) * LANES + lane;
  if (pair >= params.pairs) { return; }
  let i = pair % params.half;
  let row = pair / params.half;
  let batch = row / (params.heads * params.t);
  let position = u32(clamp(load_positions(batch * params.t + row % params.t), 0, i32(params.rows) - 1));
  let c = load_cos(position * params.half + i);
  let s = load_sin(position * params.half + i);
  let at = row * params.half * 2u + i;
  let first = load_x(at);
  let second = load_x(at + params.half);
  store_y(at, first * c - second * s);
  store_y(at + params.half, second * c + first * s);
}
