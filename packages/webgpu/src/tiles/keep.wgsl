// Stands behind a product in tiles whose sums are its result, y [sheets m n]. STORE4: the
// columns of an invocation are neighbours, and n divides by four.

override STORE4: bool = false;

fn keep(sheet: u32, row: u32, column: u32, sums: vec4<f32>) {
  let first = (sheet * params.m + row) * params.n + column;
  if (STORE4) { store4_y(first / 4u, sums); return; }
  for (var j = 0u; j < 4u && column + j * apart < params.n; j++) { store_y(first + j * apart, sums[j]); }
}
