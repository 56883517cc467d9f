// Stands behind a product on matrix units: rows of b across k, as `fetch_b(start, p, column)` gives four neighbours of one. Lines
// of workgroup memory are two vectors longer than they hold, so that those of a matrix begin in different banks.

const pitch_b = 18u;

var<workgroup> tile_b: array<vec4<f16>, 576>; // 32 places along k × 16 vectors of columns

fn fetched_b(start: u32, left: u32, p: u32, i: u32) -> vec4<f16> {
  return half(fetch_b(start, p + i / 16u, left + i % 16u * 4u));
}

fn put_b(i: u32, four: vec4<f16>) { tile_b[i / 16u * pitch_b + i % 16u] = four; }

fn right_of(column: u32, q: u32) -> subgroup_matrix_right<f16, 16, 16> {
  return subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tile_b, q * 16u * pitch_b + column / 4u, pitch_b);
}
