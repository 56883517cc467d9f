// Folds the reduced axes of x by sum or maximum. One invocation owns one result and walks its elements in order: for short
// reductions. Sums are f32 (or the integer type).

override OP: u32;
override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var base = 0u;
  var rest = i;
  for (var d = params.kept_rank; d > 0u; d--) {
    let n = param_kept_shape(d - 1u);
    base += (rest % n) * param_kept_strides(d - 1u);
    rest /= n;
  }
  var total = x_value(params.start);
  for (var j = 0u; j < params.count; j++) {
    var at = base;
    var left = j;
    for (var d = params.reduced_rank; d > 0u; d--) {
      let n = param_reduced_shape(d - 1u);
      at += (left % n) * param_reduced_strides(d - 1u);
      left /= n;
    }
    let x = load_x(at);
    if (OP == 0u) { total += x; } else { total = max(total, x); }
  }
  store_y(i, total);
}
