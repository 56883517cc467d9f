// Stands before the tiles of y [m n] = value · activation(gate), with values and gates products of x [m k]. The 64 columns of a
// tile are 32 values and the 32 gates that belong to them: an invocation holds two of each for its four rows, and what is
// between the products is never written. `params.n` counts both.

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return 0u; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> { return fetch_x(row, p); }

fn fetch_b(start: u32, column: u32, p: u32) -> vec4<f32> {
  let own = column / 64u * 32u + column % 32u;
  if (own >= params.n / 2u) { return vec4<f32>(); }
  if (column % 64u < 32u) { return fetch_w(own, p); }
  return fetch_gate(own, p);
}

fn keep(sheet: u32, row: u32, column: u32, sums: vec4<f32>) {
  let half = params.n / 2u;
  for (var j = 0u; j < 2u; j++) {
    let at = column / 64u * 32u + column % 64u + j * apart;
    if (at >= half) { continue; }
    let value = sums[j] + load_bias(at);
    store_y(row * half + at, value * activate(sums[j + 2u] + gate_bias(at)));
  }
}
