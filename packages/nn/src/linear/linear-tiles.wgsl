// Stands before the tiles of a product y [m n] = x [m k] · weight [n k]ᵀ + bias [n]. Where k is split over several workgroups,
// y is a list of partial results.

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return 0u; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> { return fetch_x(row, p); }

fn fetch_b(start: u32, column: u32, p: u32) -> vec4<f32> { return fetch_w(column, p); }

fn keep(sheet: u32, row: u32, column: u32, sums: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let at = column + j * apart;
    if (at < params.n) { store_y((sheet * params.m + row) * params.n + at, finish(sums[j], row, at)); }
  }
}
