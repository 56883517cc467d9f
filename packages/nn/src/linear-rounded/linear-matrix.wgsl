// y [m n] = x [m k] · weight [n k]ᵀ + bias [n] on matrix units: x and weight are rounded to f16 (and x held within its range),
// sums are f32. One workgroup of four subgroups owns a tile of 64 × 128 of y; a subgroup 32 × 64 of it, as 2 × 4 blocks of
// 16 × 16 in registers. Steps of 32 along k: all lanes bring rows of x and of weight into workgroup memory, rows padded to 40
// elements so that their banks differ; then each subgroup multiplies blocks from there. At the end the blocks go through
// workgroup memory one by one, to be finished and cut at the edges of y.

const pitch = 40u;

var<workgroup> tile_x: array<f16, 2560>; // 64 rows
var<workgroup> tile_w: array<f16, 5120>; // 128 rows
var<workgroup> block: array<f32, 1024>; // 16 × 16 for each subgroup

@compute @workgroup_size(128) @subgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let columns = (params.n + 127u) / 128u;
  let left = tile % columns * 128u;
  let top = tile / columns * 64u;
  let own_top = subgroup / 2u * 32u;
  let own_left = subgroup % 2u * 64u;
  var sums: array<subgroup_matrix_result<f32, 16, 16>, 8>;
  for (var first = 0u; first < params.k; first += 32u) {
    for (var i = lane; i < 512u; i += 128u) {
      let four = vec4<f16>(clamp(fetch_x(top + i / 8u, first + i % 8u * 4u), vec4<f32>(-65504.0), vec4<f32>(65504.0)));
      for (var j = 0u; j < 4u; j++) { tile_x[i / 8u * pitch + i % 8u * 4u + j] = four[j]; }
    }
    for (var i = lane; i < 1024u; i += 128u) {
      let four = vec4<f16>(fetch_w(left + i / 8u, first + i % 8u * 4u));
      for (var j = 0u; j < 4u; j++) { tile_w[i / 8u * pitch + i % 8u * 4u + j] = four[j]; }
    }
    workgroupBarrier();
    for (var p = 0u; p < 32u; p += 16u) {
      let x0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile_x, own_top * pitch + p, pitch);
      let x1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile_x, (own_top + 16u) * pitch + p, pitch);
      for (var c = 0u; c < 4u; c++) {
        let w = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&tile_w, (own_left + c * 16u) * pitch + p, pitch);
        sums[c] = subgroupMatrixMultiplyAccumulate(x0, w, sums[c]);
        sums[4u + c] = subgroupMatrixMultiplyAccumulate(x1, w, sums[4u + c]);
      }
    }
    workgroupBarrier();
  }
  for (var b = 0u; b < 8u; b++) {
    subgroupMatrixStore<row_major>(&block, subgroup * 256u, sums[b], 16u);
    workgroupBarrier();
    for (var i = lane % 32u; i < 256u; i += 32u) {
      let row = top + own_top + b / 4u * 16u + i / 16u;
      let column = left + own_left + b % 4u * 16u + i % 16u;
      if (row < params.m && column < params.n) {
        store_y(row * params.n + column, finish(block[subgroup * 256u + i], row, column));
      }
    }
    workgroupBarrier();
  }
}
