// Sums of the squares of x, or of x itself where it holds such sums. Workgroup w owns result w: its lanes walk every
// params.groups-th stretch of LANES elements, then are folded pairwise, which also keeps long f32 sums accurate.

override SQUARE: bool;
override LANES: u32 = 256u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var i = workgroup.x * LANES + lane; i < params.size; i += params.groups * LANES) {
    let value = load_x(i);
    total += select(value, value * value, SQUARE);
  }
  partial[lane] = total;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { store_y(workgroup.x, partial[0]); }
}
