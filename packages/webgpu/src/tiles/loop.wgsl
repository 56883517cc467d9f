// Stands behind a product y [batch m n] of a by b: its loop and its entry point. One workgroup owns a tile of 64 columns of y and
// of 64 rows, fewer where y has few; one invocation 4 rows × 4 columns of it in registers, a column of `sums` for each row.
// Step by step along k, `bring_a` and `bring_b` put a piece of both operands into workgroup memory, then all `multiply` from
// there; sums are f32. What becomes of them says `keep`, for each row. Where there are few tiles and k is long, k is split over
// several workgroups (`span` each), y has a sheet of the whole batch for every split, and another pass adds them up.

override DOWN: u32 = 16u; // invocations down a tile

@compute @workgroup_size(16, DOWN)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let across = (params.n + 63u) / 64u;
  let down = (params.m + 4u * DOWN - 1u) / (4u * DOWN);
  let left = tile % across * 64u;
  let top = tile / across % down * 4u * DOWN;
  let sheet = tile / (across * down);
  let split = sheet / params.batch;
  let a = start_a(sheet % params.batch);
  let b = start_b(sheet % params.batch);
  var sums = mat4x4<f32>();
  for (var p = split * params.span; p < min(params.k, (split + 1u) * params.span); p += step) {
    bring_a(a, top, p, lane);
    bring_b(b, left, p, lane);
    workgroupBarrier();
    sums = multiply(lane, sums);
    workgroupBarrier();
  }
  let column = left + lane % 16u * lead;
  for (var r = 0u; r < 4u; r++) {
    let row = top + lane / 16u * 4u + r;
    if (row < params.m && column < params.n) { keep(sheet, row, column, sums[r]); }
  }
}
