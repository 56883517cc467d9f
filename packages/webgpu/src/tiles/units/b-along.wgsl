// Stands behind a product on matrix units: b lies transposed, as `fetch_b(start, column, p)` gives four neighbours along k. Lines
// of workgroup memory are two vectors longer than they hold, so that those of a matrix begin in different banks.

const pitch_b = 10u;

var<workgroup> tile_b: array<vec4<f16>, 640>; // 64 columns of 8 vectors along k

fn fetched_b(start: u32, left: u32, p: u32, i: u32) -> vec4<f16> {
  return half(fetch_b(start, left + i / 8u, p + i % 8u * 4u));
}

fn put_b(i: u32, four: vec4<f16>) { tile_b[i / 8u * pitch_b + i % 8u] = four; }

fn right_of(column: u32, q: u32) -> subgroup_matrix_right<f16, 16, 16> {
  return subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&tile_b, column * pitch_b + q * 4u, pitch_b);
}
