// Stands behind a product on matrix units: a lies transposed, as `fetch_a(start, p, row)` gives four neighbours of one place along
// k. Lines of workgroup memory are two vectors longer than they hold, so that those of a matrix begin in different banks.

const pitch_a = 34u;

var<workgroup> tile_a: array<vec4<f16>, 1088>; // 32 places along k × 32 vectors of rows

fn fetched_a(start: u32, top: u32, p: u32, i: u32) -> vec4<f16> {
  return half(fetch_a(start, p + i / 32u, top + i % 32u * 4u));
}

fn put_a(i: u32, four: vec4<f16>) { tile_a[i / 32u * pitch_a + i % 32u] = four; }

fn left_of(row: u32, q: u32) -> subgroup_matrix_left<f16, 16, 16> {
  return subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&tile_a, q * 16u * pitch_a + row / 4u, pitch_a);
}
