// Stands before the tiles of y [m n] = value · activation(gate) with [value gate] = x [m k] · weight [2n k]ᵀ + bias [2n]. The 64
// columns of a tile are 32 values and the 32 gates that belong to them: an invocation holds two of each for its four rows,
// and what is between the products is never written.

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return 0u; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> { return fetch_x(row, p); }

// Columns past the last read rows of gates as values, or past the end; nobody stores what comes of it.
fn fetch_b(start: u32, column: u32, p: u32) -> vec4<f32> {
  let own = column / 64u * 32u + column % 32u;
  return fetch_w(select(own, params.n / 2u + own, column % 64u >= 32u), p);
}

fn keep(sheet: u32, row: u32, column: u32, sums: vec4<f32>) {
  let half = params.n / 2u;
  for (var j = 0u; j < 2u; j++) {
    let at = column / 64u * 32u + column % 64u + j * apart;
    if (at >= half) { continue; }
    let value = sums[j] + load_bias(at);
    let gate = sums[j + 2u] + load_bias(half + at);
    store_y(row * half + at, value * activate(gate));
  }
}
