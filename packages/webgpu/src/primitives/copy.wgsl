// Moves a box of elements between two strided places: y[to + Σ index · to_strides] = x[from + Σ index · from_strides].
// Transposes, broadcasts, slices, pads, concatenations and slice updates are all this. One invocation owns one element.
// Where a start comes from the device it is kept inside the axis, so a wrong one cannot reach foreign memory.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  var from_at = params.source_offset;
  var to_at = params.target_offset;
  if (has_start) {
    let start = u32(clamp(i32(load_start(0u)), 0, i32(params.start_max)));
    from_at += start * params.start_source;
    to_at += start * params.start_target;
  }
  var rest = i;
  for (var d = params.rank; d > 0u; d--) {
    let n = param_shape(d - 1u);
    let at = rest % n;
    rest /= n;
    from_at += at * param_source_strides(d - 1u);
    to_at += at * param_target_strides(d - 1u);
  }
  store_y(to_at, y_value(load_x(from_at)));
}
