// Folds the reduced axes of x by sum or maximum. One workgroup owns one result: each lane walks every LANES-th element,
// then the lanes are folded pairwise in workgroup memory, which also keeps long f32 sums accurate.

override OP: u32;
override LANES: u32 = 64u;

var<workgroup> partial: array<x_value, LANES>;

fn fold(a: x_value, b: x_value) -> x_value {
  if (OP == 0u) { return a + b; }
  return max(a, b);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup);
  if (i >= params.size) { return; }
  var base = 0u;
  var rest = i;
  for (var d = params.kept_rank; d > 0u; d--) {
    let n = param_kept_shape(d - 1u);
    base += (rest % n) * param_kept_strides(d - 1u);
    rest /= n;
  }
  var total = x_value(params.start);
  for (var j = lane; j < params.count; j += LANES) {
    var at = base;
    var left = j;
    for (var d = params.reduced_rank; d > 0u; d--) {
      let n = param_reduced_shape(d - 1u);
      at += (left % n) * param_reduced_strides(d - 1u);
      left /= n;
    }
    total = fold(total, load_x(at));
  }
  partial[lane] = total;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] = fold(partial[lane], partial[lane + half]); }
    workgroupBarrier();
  }
  if (lane == 0u) { store_y(i, partial[0]); }
}
