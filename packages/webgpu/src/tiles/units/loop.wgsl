// Stands behind a product y [batch m n] of a by b, for matrix units: operands are rounded to f16, sums are f32. One workgroup of
// four subgroups owns a tile of 128 × 64 of y, a subgroup 32 rows of it as 2 × 4 matrices of 16 × 16 in registers. A step is 32
// places along k: `put_a` and `put_b` write what was read of both operands into workgroup memory, the next step's is read
// while the present one is multiplied (`fetched_a`, `fetched_b`), and a subgroup takes matrices from there (`left_of`,
// `right_of`). At the end sums go through workgroup memory, 16 rows of a subgroup at a time, and `keep` says for each row what
// becomes of four. Splits of k are as in the loop without matrix units.

const steps = 32u; // along k

var<workgroup> finished: array<f32, 4096>; // 16 rows × 64 columns of each subgroup

// What subgroups have put into `finished`: sixteen rows each, 32 apart from `top` on.
fn keep_rows(sheet: u32, top: u32, left: u32, lane: u32) {
  workgroupBarrier();
  for (var i = lane % 32u; i < 256u; i += 32u) {
    let row = top + lane / 32u * 32u + i / 16u;
    let first = i % 16u * lead;
    let at = lane / 32u * 1024u + i / 16u * 64u + first;
    let four = vec4<f32>(finished[at], finished[at + apart], finished[at + 2u * apart], finished[at + 3u * apart]);
    if (row < params.m && left + first < params.n) { keep(sheet, row, left + first, four); }
  }
  workgroupBarrier();
}

@compute @workgroup_size(128) @subgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let across = (params.n + 63u) / 64u;
  let down = (params.m + 127u) / 128u;
  let left = tile % across * 64u;
  let top = tile / across % down * 128u;
  let sheet = tile / (across * down);
  let split = sheet / params.batch;
  let a = start_a(sheet % params.batch);
  let b = start_b(sheet % params.batch);
  let own = subgroup * 32u;
  let end = min(params.k, (split + 1u) * params.span);
  var sums: array<subgroup_matrix_result<f32, 16, 16>, 8>;
  var ahead_a: array<vec4<f16>, 8>;
  var ahead_b: array<vec4<f16>, 4>;
  var p = split * params.span;
  for (var i = 0u; i < 8u; i++) { ahead_a[i] = fetched_a(a, top, p, i * 128u + lane); }
  for (var i = 0u; i < 4u; i++) { ahead_b[i] = fetched_b(b, left, p, i * 128u + lane); }
  while (p < end) {
    for (var i = 0u; i < 8u; i++) { put_a(i * 128u + lane, ahead_a[i]); }
    for (var i = 0u; i < 4u; i++) { put_b(i * 128u + lane, ahead_b[i]); }
    workgroupBarrier();
    p += steps;
    if (p < end) {
      for (var i = 0u; i < 8u; i++) { ahead_a[i] = fetched_a(a, top, p, i * 128u + lane); }
      for (var i = 0u; i < 4u; i++) { ahead_b[i] = fetched_b(b, left, p, i * 128u + lane); }
    }
    for (var q = 0u; q < steps / 16u; q++) {
      let upper = left_of(own, q);
      let lower = left_of(own + 16u, q);
      for (var c = 0u; c < 4u; c++) {
        let right = right_of(c * 16u, q);
        sums[c] = subgroupMatrixMultiplyAccumulate(upper, right, sums[c]);
        sums[4u + c] = subgroupMatrixMultiplyAccumulate(lower, right, sums[4u + c]);
      }
    }
    workgroupBarrier();
  }
  // Written out, for matrices stay in registers only where a compiler knows which one is meant.
  for (var c = 0u; c < 4u; c++) {
    subgroupMatrixStore<row_major>(&finished, subgroup * 1024u + c * 16u, sums[c], 64u);
  }
  keep_rows(sheet, top, left, lane);
  for (var c = 0u; c < 4u; c++) {
    subgroupMatrixStore<row_major>(&finished, subgroup * 1024u + c * 16u, sums[4u + c], 64u);
  }
  keep_rows(sheet, top + 16u, left, lane);
}
