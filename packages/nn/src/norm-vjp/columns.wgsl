// y [columns] = the sum over all rows of dy, or of dy · (x − mean) · rstd where there is an x: what the weight and the bias
// of a norm receive. One workgroup of 16 × 16 owns sixteen columns; sixteen lanes share out the rows of a column and are
// folded in workgroup memory, always in one order.

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let column = linear_workgroup(workgroup) * 16u + local.x;
  var total = 0.0;
  if (column < params.columns) {
    for (var row = local.y; row < params.rows; row += 16u) {
      let at = row * params.columns + column;
      var factor = 1.0;
      if (has_x) { factor = (load_x(at) - load_mean(row)) * load_rstd(row); }
      total += load_dy(at) * factor;
    }
  }
  partial[lane] = total;
  workgroupBarrier();
  for (var half = 8u; half > 0u; half /= 2u) {
    if (local.y < half) { partial[lane] += partial[lane + half * 16u]; }
    workgroupBarrier();
  }
  if (local.y == 0u && column < params.columns) { store_y(column, partial[lane]); }
}
