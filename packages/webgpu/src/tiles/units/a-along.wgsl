// Stands behind a product on matrix units: rows of a along k, as `fetch_a(start, row, p)` gives four neighbours of one. Lines of
// workgroup memory are two vectors longer than they hold, so that those of a matrix begin in different banks.

const pitch_a = 10u;

var<workgroup> tile_a: array<vec4<f16>, 1280>; // 128 rows of 8 vectors along k

fn fetched_a(start: u32, top: u32, p: u32, i: u32) -> vec4<f16> {
  return half(fetch_a(start, top + i / 8u, p + i % 8u * 4u));
}

fn put_a(i: u32, four: vec4<f16>) { tile_a[i / 8u * pitch_a + i % 8u] = four; }

fn left_of(row: u32, q: u32) -> subgroup_matrix_left<f16, 16, 16> {
  return subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile_a, row * pitch_a + q * 4u, pitch_a);
}
