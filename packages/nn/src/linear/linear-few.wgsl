// y [m n] = x [m k] · weight [n k]ᵀ + bias [n] for few rows of x, where reading the weight once is all that counts. One
// workgroup of 64 lanes owns four rows of weight and up to eight rows of x: the lanes share out k in vectors of four, so
// every weight is read once for all rows of x, and 32 f32 sums stay in registers. At the end each sum is folded over the
// lanes (`lanes/`). More rows of x than eight become further workgroups.

fn run(group: u32, lane: u32) {
  if (group >= params.groups) { return; }
  let blocks = (params.n + 3u) / 4u;
  let column = group % blocks * 4u;
  let top = group / blocks * ROWS;
  var sums: array<vec4<f32>, 8>; // by row of x, a component for each row of weight
  for (var p = lane * 4u; p < params.k; p += 256u) {
    let w0 = fetch_w(column, p);
    let w1 = fetch_w(column + 1u, p);
    let w2 = fetch_w(column + 2u, p);
    let w3 = fetch_w(column + 3u, p);
    for (var r = 0u; r < ROWS; r++) {
      let x = fetch_x(top + r, p);
      sums[r] += vec4<f32>(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3));
    }
  }
  let total = fold_each(lane, sums);
  let row = top + lane / 4u;
  let at = column + lane % 4u;
  if (lane < ROWS * 4u && row < params.m && at < params.n) { store_y(row * params.n + at, finish(total, row, at)); }
}
